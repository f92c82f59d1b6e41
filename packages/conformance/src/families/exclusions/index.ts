import { CONSUME_EXCLUSIONS } from './consume.ts';
import { FRAMING_EXCLUSIONS } from './framing.ts';
import { PRODUCE_EXCLUSIONS } from './produce.ts';
import { PRODUCER_EXCLUSIONS } from './producer.ts';

/** Requirements that no kit can observe from outside, each with its reason. */
export const EXCLUSIONS: Readonly<Record<string, string>> = {
  ...CONSUME_EXCLUSIONS,
  ...FRAMING_EXCLUSIONS,
  ...PRODUCE_EXCLUSIONS,
  ...PRODUCER_EXCLUSIONS,
};

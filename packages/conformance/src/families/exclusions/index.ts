import { CONSUME_EXCLUSIONS } from './consume.ts';

/** Requirements that no kit can observe from outside, each with its reason. */
export const EXCLUSIONS: Readonly<Record<string, string>> = { ...CONSUME_EXCLUSIONS };

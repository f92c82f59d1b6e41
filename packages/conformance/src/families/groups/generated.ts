import fc from 'fast-check';
import type { GeneratedPrograms } from '../../play/family.ts';
import type { Step } from '../../play/program.ts';

/** Who joins, and which group; everybody else is picked from those who have joined. */
const newcomer = { g: fc.constantFrom(0, 0, 1, 2), m: fc.nat({ max: 4 }) };
const m = fc.nat({ max: 7 });

const op = <T extends Record<string, fc.Arbitrary<unknown>>>(name: string, fields: T): fc.Arbitrary<Step> =>
  fc.record({ op: fc.constant(name), ...fields }) as unknown as fc.Arbitrary<Step>;

/** A member whose session is short dies of silence within a program. */
const session = fc.constantFrom(0, 0, 1_000, 1_500, 6_000);
/** Around REBALANCE_DELAY_MS, a short session, and what a group needs to come to rest. */
const ms = fc.constantFrom(0, 1, 50, 199, 200, 201, 500, 1_000, 1_501, 2_500, 2_500, 3_100);

const STEPS: readonly fc.WeightedArbitrary<Step>[] = [
  { weight: 7, arbitrary: op('join', { ...newcomer, session, label: fc.constantFrom('', 'a', 'b', 'z') }) },
  { weight: 12, arbitrary: op('live', { ms }) },
  { weight: 6, arbitrary: op('live', { ms: fc.constant(2_500) }) },
  { weight: 2, arbitrary: op('habits', { m, beats: fc.boolean(), releases: fc.boolean() }) },
  { weight: 3, arbitrary: op('beat', { m, wait: fc.boolean() }) },
  { weight: 2, arbitrary: op('leave', { m, silent: fc.boolean(), wait: fc.boolean() }) },
  { weight: 3, arbitrary: op('release', { m, n: fc.nat({ max: 3 }), wait: fc.boolean() }) },
  { weight: 1, arbitrary: op('release', { m, offset: fc.constantFrom(2_000_000_000, 1) }) },
  { weight: 2, arbitrary: op('lose', { m, stays: fc.boolean() }) },
  { weight: 1, arbitrary: op('move', { m }) },
  { weight: 2, arbitrary: op('remember', { m }) },
  { weight: 3, arbitrary: op('useRemembered', { m }) },
  { weight: 2, arbitrary: op('pullHeld', { m }) },
  { weight: 2, arbitrary: op('commitHeld', { m, reads: fc.boolean() }) },
  { weight: 2, arbitrary: op('describe', { g: newcomer.g }) },
  { weight: 1, arbitrary: op('grow', { by: fc.constantFrom(1, 3) }) },
  { weight: 1, arbitrary: op('fill', { queue: fc.nat({ max: 6 }), count: fc.constantFrom(1, 3) }) },
];

const RESTARTS: readonly fc.WeightedArbitrary<Step>[] = [
  { weight: 4, arbitrary: op('die', { how: fc.constantFrom('kill', 'kill', 'stop', 'powerloss') }) },
];

const stepsOf = (...weighted: readonly fc.WeightedArbitrary<Step>[]): fc.Arbitrary<Step[]> =>
  fc.array(fc.oneof(...weighted), { maxLength: 40, size: 'max' });

/**
 * Members join, beat, miss beats, release late, leave and die; topics gain queues; in every other program the broker
 * restarts, and its groups seldom come to rest.
 */
export const GENERATED: GeneratedPrograms = {
  alone: true,
  steps: fc.oneof(stepsOf(...STEPS), stepsOf(...STEPS, ...RESTARTS)),
};

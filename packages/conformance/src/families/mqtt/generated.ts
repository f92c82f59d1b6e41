import fc, { type Arbitrary } from 'fast-check';
import type { Json, JsonObject } from '../../json.ts';
import type { GeneratedPrograms } from '../../play/family.ts';
import type { Step } from '../../play/program.ts';
import { lasting } from './programs/steps.ts';

const STEPS_MAX = 40;

const DEVICES = ['a', 'b', 'c', 'e'];
/** Devices of both versions: each keeps its own. */
const VERSIONS: Readonly<Record<string, 4 | 5>> = { a: 5, b: 4, c: 5, e: 4 };
const FILTERS = ['{t}/#', '{t}/+', '{t}/x', '{t}/x/+', '$share/{t}/{t}/x', '$share/{t}/{t}/#'];
const TOPICS = ['{t}/x', '{t}/y', '{t}/x/y', '{t}'];

const step = (op: string, fields: Readonly<Record<string, Arbitrary<Json | undefined>>>): Arbitrary<Step> =>
  fc
    .record({ op: fc.constant(op), ...fields })
    .map((made) => Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined)) as Step);

const seldom = <T extends Json>(value: Arbitrary<T>, weight: number): Arbitrary<T | undefined> =>
  fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

const d = fc.constantFrom(...DEVICES);
const qos = fc.constantFrom(0, 1, 1, 2, 2);

const HELD = [['PUBLISH'], ['PUBREC'], ['PUBREL'], ['PUBLISH', 'PUBREC']];

/** A device comes back, or takes its own link over; it may drop it again, or hold something back. */
const connects = fc
  .record({
    device: d,
    clean: seldom(fc.constant(true), 9),
    receiveMax: seldom(fc.constantFrom(1, 2, 5), 3),
    aliasMax: seldom(fc.constantFrom(1, 3), 3),
    holds: seldom(fc.constantFrom(...HELD), 4),
    dropAt: seldom(
      fc.record({ packet: fc.constantFrom('PUBLISH', 'PUBREL', 'PUBREC', 'PUBACK', 'PUBCOMP'), nth: fc.constantFrom(1, 2, 5) }),
      4,
    ),
  })
  .map(({ device, clean, receiveMax, aliasMax, holds, dropAt }): Step => {
    const version = VERSIONS[device] ?? 5;
    const of5 = version === 5 ? { receiveMax, aliasMax } : {};
    const fields = { ...lasting(version), clean: clean ?? false, ...of5, holds, dropAt };
    return {
      op: 'connect',
      d: device,
      ...(Object.fromEntries(Object.entries(fields).filter(([, one]) => one !== undefined)) as JsonObject),
    };
  });

const work = fc.oneof(
  { weight: 3, arbitrary: connects },
  { weight: 3, arbitrary: step('subscribe', { d, qos, filter: fc.constantFrom(...FILTERS) }) },
  { weight: 1, arbitrary: step('unsubscribe', { d, filter: fc.constantFrom(...FILTERS) }) },
  {
    weight: 8,
    arbitrary: step('publish', {
      d,
      qos,
      topic: fc.constantFrom(...TOPICS),
      count: fc.constantFrom(1, 1, 1, 3, 10),
      wait: seldom(fc.constant(false), 2),
    }),
  },
  { weight: 2, arbitrary: step('drop', { d }) },
  { weight: 1, arbitrary: step('disconnect', { d }) },
  { weight: 1, arbitrary: step('release', { d, count: seldom(fc.constantFrom(1, 2), 1) }) },
  { weight: 1, arbitrary: step('ping', { d }) },
  { weight: 1, arbitrary: step('pass', { ms: fc.constantFrom(1, 10, 60) }) },
);

const comesBack = (device: string): Step => ({ op: 'connect', d: device, ...lasting(VERSIONS[device] ?? 5) });

/** All are there before and behind it, and in the end everything that is owed comes. */
const around = (steps: readonly Step[]): Step[] => [
  ...DEVICES.map(comesBack),
  { op: 'subscribe', d: 'a', filter: '{t}/#', qos: 2 },
  ...steps,
  ...DEVICES.map(comesBack),
  { op: 'settle' },
  { op: 'publish', d: 'b', topic: '{t}/x', qos: 1 },
  { op: 'collect' },
];

/** A few devices come and go, publish and subscribe. */
export const generatedDevices: GeneratedPrograms = {
  steps: fc.array(work, { maxLength: STEPS_MAX, size: 'max' }).map(around),
};

const CRASHES_MAX = 3;

/** The same, and the bridge dies in between and comes back: what it has acknowledged it still knows. */
export const generatedCrashes: GeneratedPrograms = {
  alone: true,
  needs: ['kill'],
  steps: fc
    .array(fc.array(work, { maxLength: STEPS_MAX / 2, size: 'max' }), { minLength: 2, maxLength: CRASHES_MAX + 1, size: 'max' })
    .map((parts) => around(parts.flatMap((part, i) => (i === 0 ? part : [KILL, ...DEVICES.map(comesBack), ...part])))),
};

const KILL: Step = { op: 'kill' };

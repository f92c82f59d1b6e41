import fc, { type Arbitrary } from 'fast-check';
import { CLOSE } from '../../ground/websocket/close-codes.ts';
import type { Json } from '../../json.ts';
import type { GeneratedPrograms } from '../../play/family.ts';
import type { Step } from '../../play/program.ts';
import { begin, type ClientRole, ONE_BROKER, work } from '../clients/steps.ts';
import { BREACH_NAMES } from './layout.ts';

const STEPS_MAX = 25;

const step = (op: string, fields: Readonly<Record<string, Arbitrary<Json | undefined>>>): Arbitrary<Step> =>
  fc
    .record({ op: fc.constant(op), ...fields })
    .map((made) => Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined)) as Step);

/** A field that is there once in so many times. */
const seldom = <T extends Json>(value: Arbitrary<T>, weight: number): Arbitrary<T | undefined> =>
  fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

/** How a message lies in its pieces and in the stream. */
const LAYOUT = {
  each: seldom(fc.constantFrom(1, 3, 4, 5, 15, 16, 17), 1),
  cut: seldom(fc.array(fc.nat({ max: 64 }), { maxLength: 4 }), 3),
  empty: seldom(fc.constantFrom(1, 2, 30), 3),
  between: seldom(fc.constant(true), 3),
  chunk: seldom(fc.constantFrom(1, 2, 9), 3),
};

const good = (more: Readonly<Record<string, Arbitrary<Json | undefined>>>): Arbitrary<Step> =>
  step('message', { pings: fc.constantFrom(1, 1, 2, 3, 20), pad: seldom(fc.constantFrom(1, 40, 70_000), 4), ...LAYOUT, ...more });

/** One thing is wrong with it. */
const wrong = (more: Readonly<Record<string, Arbitrary<Json | undefined>>>): Arbitrary<Step> =>
  fc.oneof(
    step('message', { ...LAYOUT, ...more }),
    step('message', { pings: fc.nat({ max: 2 }), extra: fc.constantFrom('00', '0000000c', '0000000c00'), ...LAYOUT, ...more }),
    step('message', { pings: fc.nat({ max: 2 }), text: fc.constant(true), ...more }),
    step('message', { pings: fc.constant(1), claims: fc.constantFrom(4_259_845, 5_000_000), wait: fc.constant(false), ...more }),
    step('message', { pings: fc.constant(1), cut: fc.constant([4]), empty: fc.constantFrom(1_023, 3_000), ...more }),
    step('message', { pings: fc.constant(1), breach: fc.constantFrom(...BREACH_NAMES), wait: fc.constant(false), ...more }),
  );

const HEADERS: readonly Json[] = [
  {},
  {},
  { 'Sec-WebSocket-Protocol': 'a, qanat.v1' },
  { 'Sec-WebSocket-Protocol': 'qanat.v2' },
  { 'Sec-WebSocket-Protocol': null },
  { 'Sec-WebSocket-Version': '7' },
  { 'Sec-WebSocket-Extensions': 'permessage-deflate' },
  { Origin: 'https://page.example' },
  { Upgrade: null },
  { Cookie: 'c='.padEnd(2_000, 'x') },
];

const c = fc.nat({ max: 5 });

/** Connections of which each comes to an end of its own beside others. */
export const generatedServer: GeneratedPrograms = {
  binding: 'websocket',
  steps: fc
    .array(
      fc.oneof(
        { weight: 4, arbitrary: step('open', {}) },
        {
          weight: 2,
          arbitrary: step('upgrade', {
            headers: fc.constantFrom(...HEADERS),
            line: seldom(fc.constantFrom('GET /x HTTP/1.1', 'HEAD / HTTP/1.1'), 6),
          }),
        },
        { weight: 8, arbitrary: good({ c }) },
        { weight: 2, arbitrary: wrong({ c }) },
        { weight: 2, arbitrary: step('pings', { c, count: fc.constantFrom(1, 3, 300) }) },
        { weight: 3, arbitrary: step('fence', { c }) },
        { weight: 1, arbitrary: step('closeWith', { c, code: seldom(fc.constantFrom(...Object.values(CLOSE)), 1) }) },
        { weight: 1, arbitrary: step('cutOff', { c }) },
        { weight: 1, arbitrary: step('pass', { ms: fc.constantFrom(1, 20, 200) }) },
      ),
      { maxLength: STEPS_MAX, size: 'max' },
    )
    .map((steps) => [{ op: 'open' }, ...steps, { op: 'open' }, { op: 'fence' }]),
};

const at = fc.constantFrom('broker-a', 'broker-a', 'ns-1', 'ns-2');

/** A client works on while its servers lay their messages out in every way, and break off now and then. */
export const generatedClient = (role: ClientRole): GeneratedPrograms => ({
  binding: 'websocket',
  setup: ONE_BROKER,
  steps: fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...work(role).slice(0, 1)) },
        { weight: 6, arbitrary: good({ at }) },
        { weight: 1, arbitrary: wrong({ at }) },
        { weight: 2, arbitrary: step('pings', { at, count: fc.constantFrom(1, 3, 300) }) },
        { weight: 1, arbitrary: step('closeWith', { at, code: seldom(fc.constantFrom(...Object.values(CLOSE)), 1) }) },
        { weight: 1, arbitrary: step('agree', { at, headers: fc.constant({ 'Sec-WebSocket-Protocol': 'qanat.v2' }) }) },
        { weight: 4, arbitrary: step('pass', { ms: fc.constantFrom(1, 20, 300, 1_000) }) },
      ),
      { maxLength: STEPS_MAX, size: 'max' },
    )
    .map((steps) => [begin(role), ...work(role), ...steps, { op: 'pass', ms: 1_600 }, ...work(role)]),
});

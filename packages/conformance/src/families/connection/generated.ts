import { codeNumber, FrameType } from '@qanat/core';
import fc, { type Arbitrary } from 'fast-check';
import type { Role } from '../../driver/driver.ts';
import type { Json } from '../../json.ts';
import type { GeneratedPrograms } from '../../play/family.ts';
import type { Step } from '../../play/program.ts';

const STEPS_MAX = 40;

/** Any connection there is. */
const c = fc.nat({ max: 7 });
const wait = fc.constantFrom(false, false, true);
const topic = fc.constantFrom('~a', '~a', '~a', '~b', '~none', '../x', '');
const queue = fc.constantFrom(0, 0, 0, 1, 4_294_967_295);

const HELLOS: readonly Json[] = [
  {},
  {},
  {},
  { idleMs: 300 },
  { idleMs: 4_294_967_295 },
  { minor: 7, features: [58] },
  { features: [27, 58, 89] },
  { requiredFeatures: [58] },
  { frameBytesMax: 16_383 },
  { frameBytesMax: 16_384 },
  { software: { $text: 255 } },
  { label: { $text: 256 } },
];

/** Bytes that no peer sends, and pieces of frames. */
const STRANGE = ['00', '0000000b', 'ffffffff', '0000000c 00010000 0000', '0000000c 00030000 00000001 00000001'];

const hello = fc.constantFrom(...HELLOS);

const step = (op: string, fields: Readonly<Record<string, Arbitrary<Json | undefined>>>): Arbitrary<Step> =>
  fc.record({ op: fc.constant(op), ...fields }) as Arbitrary<Step>;

const request = (frame: string, header: Arbitrary<Json>): Arbitrary<Step> =>
  step('request', { frame: fc.constant(frame), header, c, wait });

/** What both servers serve, and what they refuse. */
const COMMON = [
  { weight: 6, arbitrary: step('open', { hello }) },
  { weight: 1, arbitrary: step('open', { hello: fc.constant(false) }) },
  { weight: 2, arbitrary: step('request', { frame: fc.constant('HELLO'), header: hello, c, chunk: fc.constantFrom(0, 1, 7) }) },
  { weight: 4, arbitrary: step('request', { frame: fc.constant('PING'), c, wait, chunk: fc.constantFrom(0, 0, 1, 5) }) },
  { weight: 4, arbitrary: step('fence', { c }) },
  { weight: 2, arbitrary: step('pass', { ms: fc.constantFrom(0.3, 5, 50, 290, 310) }) },
  { weight: 2, arbitrary: step('close', { c, reset: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: step('oneWay', {
      frame: fc.constant('GOAWAY'),
      header: fc.constantFrom({}, { code: codeNumber('SHUTTING_DOWN') }),
      c,
    }),
  },
  { weight: 1, arbitrary: step('bytes', { hex: fc.constantFrom(...STRANGE), c }) },
  { weight: 1, arbitrary: step('reading', { on: fc.constantFrom(false, true, true), c }) },
  {
    weight: 3,
    arbitrary: step('frame', {
      type: fc.constantFrom(
        FrameType.AUTH,
        FrameType.PING,
        FrameType.CANCEL,
        FrameType.PULL,
        FrameType.ROUTE_QUERY,
        0x3a5a,
        0x7f00,
        0,
      ),
      flags: fc.constantFrom([], [], ['ONEWAY'], ['ONEWAY', 'IGNORABLE'], ['RESPONSE'], [64]),
      correlation: fc.constantFrom(1, 3, 5, 4_294_967_295, 2, 0, 1_001),
      control: fc.constantFrom('', '', '0801', 'ff', '0a0161'),
      reserved: fc.constantFrom(0, 255),
      c,
      wait,
    }),
  },
] as const;

const NAME_SERVER = [
  {
    weight: 8,
    arbitrary: request(
      'ROUTE_QUERY',
      fc.record({
        topics: fc.array(topic, { maxLength: 3, size: 'max' }),
        all: fc.constantFrom(false, false, true),
        watch: fc.boolean(),
      }),
    ),
  },
  {
    weight: 4,
    arbitrary: request(
      'REGISTER_BROKER',
      fc.record({
        broker: fc.constantFrom('~broker', '~other', '../b'),
        cluster: fc.constant('default'),
        storeId: fc.constantFrom({ $bytes: 16 }, { $hex: '01010101010101010101010101010101' }),
        term: fc.constantFrom(1, 2),
        revision: fc.constantFrom(1, 2),
        endpoints: fc.constant([{ listener: 'default', scheme: 'qanat', address: '127.0.0.1:7610' }]),
        topics: fc.array(fc.record({ topic, queues: fc.constantFrom(1, 4) }), { maxLength: 3, size: 'max' }),
      }),
    ),
  },
];

const place = fc.record({ topic, queue });

const BROKER = [
  { weight: 4, arbitrary: request('TOPIC_CREATE', fc.record({ topic, queues: fc.constantFrom(0, 1, 2, 1_025) })) },
  {
    weight: 8,
    arbitrary: step('request', {
      frame: fc.constant('SEND'),
      header: place,
      payload: fc.constantFrom(
        { batch: { records: [{ body: 'a message of a program that was drawn' }] } },
        { batch: { records: [{ size: 70_000 }] } },
        { batch: { count: 5 } },
        { batch: { count: 2 }, patch: [[-1, 'ff']] },
        { hex: '52' },
      ),
      c,
      wait,
    }),
  },
  {
    weight: 4,
    arbitrary: request(
      'OFFSET_LOOKUP',
      fc.record({
        queues: fc.array(fc.record({ topic, queue, position: fc.constantFrom(0, 1, 2, 9) }), {
          minLength: 1,
          maxLength: 3,
          size: 'max',
        }),
      }),
    ),
  },
  {
    weight: 6,
    arbitrary: request(
      'PULL',
      fc.record({
        poll: fc.nat({ max: 3 }),
        waitMs: fc.constantFrom(0, 20, 200, 30_001),
        topics: fc.array(fc.record({ topic, queues: fc.constant([{}]) }), { minLength: 1, maxLength: 2, size: 'max' }),
      }),
    ),
  },
];

const stepsOf = (own: readonly { readonly weight: number; readonly arbitrary: Arbitrary<Step> }[]): Arbitrary<Step[]> =>
  fc.array(fc.oneof(...COMMON, ...own), { maxLength: STEPS_MAX, size: 'max' });

/** Requests on several connections, unanswered, out of turn, between frames that nobody expects. */
export const GENERATED: Partial<Record<Role, GeneratedPrograms>> = {
  nameserver: { steps: stepsOf(NAME_SERVER) },
  broker: { steps: stepsOf(BROKER) },
};

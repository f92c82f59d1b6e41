import { CONTROL_HEADERS, FRAMES, FrameType, type LiveFrame } from '@qanat/core';
import fc from 'fast-check';
import { bytesOf, type JsonObject } from '../../json.ts';
import type { GeneratedPrograms, Op } from '../../play/family.ts';
import type { KitConnection } from '../../play/kit-connection.ts';
import type { Play } from '../../play/play.ts';
import { flagOf, listOf, numberOf, type Step, textOf } from '../../play/program.ts';
import { SERVER_OPS } from '../../play/server-ops.ts';
import { UNKNOWN_FIELDS } from './hex.ts';
import { STORE } from './steps.ts';

/** So long a wild frame may take to show what it does. */
const MOMENT_MS = 60;

/** Requests with nothing wrong about them, to be spoilt. */
const HEADERS: Partial<Record<LiveFrame, JsonObject>> = {
  PING: {},
  HELLO: { software: 'wild', idleMs: 50_000, features: [58] },
  GOAWAY: { code: 5_002, message: 'bye' },
  ROUTE_QUERY: { topics: ['~wild', '~wilder'], watch: true },
  ROUTE_UPDATE: { routes: [{ topic: '~wild' }] },
  REGISTER_BROKER: {
    broker: '~b',
    cluster: '~c',
    storeId: STORE,
    term: 3,
    revision: 7,
    endpoints: [{ listener: 'default', scheme: 'qanat', address: 'localhost:1' }],
    topics: [{ topic: '~wild', queues: 2 }],
  },
  BROKER_HEARTBEAT: { broker: '~b', storeId: STORE, term: 3, revision: 7 },
  UNREGISTER_BROKER: { broker: '~b', storeId: STORE },
  TOPIC_CREATE: { topic: '~wild', queues: 2 },
  TOPIC_DESCRIBE: { topic: '~wild' },
  TOPIC_LIST: {},
  GROUP_LIST: {},
  GROUP_DESCRIBE: { group: '~g' },
  INIT_PRODUCER: { producerId: 77 },
  SEND: { topic: '~wild', queue: 1 },
  PULL: { waitMs: 20, topics: [{ topic: '~wild', filter: 'a||b', queues: [{ queue: 0 }, { queue: 1, offset: 3 }] }] },
  OFFSET_COMMIT: { group: '~f', kind: 1, offsets: [{ topic: '~wild', offset: 2 }] },
  OFFSET_FETCH: { group: '~f', queues: [{ topic: '~wild' }, { topic: '~wild', queue: 1 }] },
  OFFSET_LOOKUP: { queues: [{ topic: '~wild', position: 2, timeMs: 5 }] },
  CLIENT_HEARTBEAT: {
    group: '~g',
    member: 'm',
    label: 'l',
    revision: 1,
    subscription: { topics: [{ topic: '~wild', filter: 'a' }] },
  },
  LEAVE: { group: '~g', member: 'm' },
};

/** The wild connections of a program, by slot. */
const slots = new WeakMap<Play, Map<number, KitConnection>>();

async function wildConnection(play: Play, step: Step): Promise<KitConnection | undefined> {
  const bySlot = slots.get(play) ?? new Map<number, KitConnection>();
  slots.set(play, bySlot);
  const slot = numberOf(step, 'slot', 0);
  const known = bySlot.get(slot);
  if (known?.state === 'open' && !flagOf(step, 'fresh')) return known;
  known?.destroy();
  await SERVER_OPS.open?.(play, { op: 'open', ...(flagOf(step, 'greets', true) ? {} : { hello: false }) });
  const opened = play.connections.at(-1);
  if (opened !== undefined) bySlot.set(slot, opened);
  return opened;
}

/** A control header with other bytes at some places, and without its end. */
function spoilt(play: Play, step: Step, frame: LiveFrame): Uint8Array {
  const request = CONTROL_HEADERS[frame].request as { encode(init: unknown): Uint8Array };
  const encoded = request.encode(play.value(HEADERS[frame] ?? {}));
  const whole = Uint8Array.from([...encoded, ...bytesOf(textOf(step, 'extra'))]);
  const bytes = whole.slice(0, Math.max(0, whole.length - numberOf(step, 'cut', 0)));
  for (const flip of listOf(step, 'flips')) {
    const [at, value] = flip as [number, number];
    if (bytes.length > 0) bytes[at % bytes.length] = value & 0xff;
  }
  return bytes;
}

/**
 * Sends a frame with something wrong about it, on a connection of its own `slot`: `frame` or `type`, `flags`, `correlation`,
 * `flips` (`[[place, byte]]` of the control header), `cut`, `extra`, `zeros` as payload, wrong lengths. Behind wrong lengths
 * it breaks off: nobody could say what further bytes mean.
 */
const wild: Op = async (play, step) => {
  const connection = await wildConnection(play, step);
  if (connection === undefined || connection.state === 'closed') return;
  const frame = textOf(step, 'frame', 'PING') as LiveFrame;
  const correlation = numberOf(step, 'correlation', connection.nextCorrelation());
  const whole = typeof step.length !== 'number' && typeof step.controlLength !== 'number';
  const parts = {
    type: numberOf(step, 'type', FRAMES[frame].type),
    flags: numberOf(step, 'flags', 0),
    reserved: numberOf(step, 'reserved', 0),
    correlation,
    control: spoilt(play, step, frame),
    payload: new Uint8Array(numberOf(step, 'zeros', 0)),
    ...(typeof step.length === 'number' ? { length: step.length } : {}),
    ...(typeof step.controlLength === 'number' ? { controlLength: step.controlLength } : {}),
  };
  connection.frame(parts, numberOf(step, 'chunk', 0), whole);
  await play.until(() => connection.answered.has(correlation) || connection.state === 'closed', MOMENT_MS);
  if (!whole) connection.destroy();
};

/** PING on a wild connection: what came before it was handled. */
const tame: Op = async (play, step) => {
  const connection = slots.get(play)?.get(numberOf(step, 'slot', 0));
  if (connection?.state !== 'open') return;
  const correlation = connection.nextCorrelation();
  connection.frame({ type: FRAMES.PING.type, correlation });
  await play.until(() => connection.answered.has(correlation) || connection.state === 'closed', MOMENT_MS);
};

/** PING on the connection that behaves: it must not notice the others. */
const calm: Op = async (play) => {
  if (play.connections.length === 0) await SERVER_OPS.open?.(play, { op: 'open' });
  await SERVER_OPS.fence?.(play, { op: 'fence', c: 0 });
};

export const WILD_OPS: Readonly<Record<string, Op>> = { wild, tame, calm };

const FRAME_NAMES = Object.keys(HEADERS) as LiveFrame[];
const optional = <T>(arbitrary: fc.Arbitrary<T>, weight: number): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 10, arbitrary: fc.constant(undefined) }, { weight, arbitrary });

const byte = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x0f, 0x12, 0x0b) },
  { weight: 1, arbitrary: fc.nat(255) },
);
const flags = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: fc.constantFrom(0x02, 0x06, 0x10, 0x12, 0x08, 0x04, 0xe0, 0x01, 0x09, 0x03, 0x11) },
  { weight: 1, arbitrary: fc.nat(255) },
);
const type = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0x3a5a, FrameType.AUTH, FrameType.CANCEL, FrameType.ACK, 0x0000, 0xffff, 0x7f01) },
  { weight: 1, arbitrary: fc.nat(0xffff) },
);
const length = fc.constantFrom(0, 1, 11, 12, 13, 255, 16_384, 16_385, 4_259_840, 4_259_841, 0x7fffffff, 0x80000000, 0xffffffff);
const flips = fc.array(fc.tuple(fc.nat(200), byte), { maxLength: 3, size: 'max' }).map((list) => list as [number, number][]);

const wildStep = fc
  .record({
    slot: fc.nat(2),
    fresh: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constant(true) }),
    greets: fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constant(false) }),
    frame: fc.constantFrom(...FRAME_NAMES),
    type: optional(type, 2),
    flags,
    reserved: optional(fc.constantFrom(1, 255), 1),
    correlation: optional(fc.constantFrom(0, 1, 2, 3, 4_294_967_295, 4_294_967_294), 2),
    flips: optional(flips, 6),
    cut: optional(fc.constantFrom(1, 2, 3, 5, 8, 13), 3),
    extra: optional(fc.constantFrom(UNKNOWN_FIELDS, '08', '0a', '0000', '0b', 'ff', '0a00', '1000', '92e5'), 4),
    zeros: optional(fc.constantFrom(1, 40, 70_000), 1),
    chunk: optional(fc.constantFrom(1, 4, 15, 16, 17), 2),
    length: optional(length, 1),
    controlLength: optional(length, 1),
  })
  .map(
    (fields) =>
      ({ op: 'wild', ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) }) as Step,
  );

const slotStep = (op: string): fc.Arbitrary<Step> => fc.record({ op: fc.constant(op), slot: fc.nat(2) });

/** Frames with something wrong about them beside a connection that behaves. */
export const WILD_PROGRAMS: GeneratedPrograms = {
  steps: fc
    .array(
      fc.oneof(
        { weight: 8, arbitrary: wildStep },
        { weight: 2, arbitrary: slotStep('tame') },
        { weight: 1, arbitrary: fc.constant<Step>({ op: 'calm' }) },
      ),
      { maxLength: 40, size: 'max' },
    )
    .map((steps) => [{ op: 'calm' }, ...steps, { op: 'calm' }]),
};

import {
  type Connection,
  decodeFrame,
  ErrorInfo,
  encodeFrame,
  Flag,
  type Frame,
  FrameType,
  HelloOk,
  joinParts,
  type Transport,
} from '@qanat/core';
import type { Role } from '../driver/driver.ts';
import type { JsonObject } from '../json.ts';
import type { User } from '../users/user.ts';

/** A subject that differs from the engines of this repository as the specification allows. No clause may go red. */
export interface LegalVariant {
  readonly name: string;
  readonly roles: readonly Role[];
  /** Of the engines, merged into the set-up of every program that says nothing of it. */
  readonly setup?: JsonObject;
  /** Of a client, for every start that says nothing of them. */
  readonly options?: JsonObject;
  /** A server knows these where a program does not say whom, and the kit logs in as the first of them. */
  readonly users?: readonly User[];
  /** What the subject sends passes through this. */
  readonly rewrite?: Rewrite;
  /** One way between subject and kit, ms. */
  readonly latencyMs?: number;
}

/** Makes other bytes of a frame that the subject sends, in the pieces in which they leave. */
export type Rewrite = (frame: Uint8Array) => readonly Uint8Array[];

const take = (bytes: Uint8Array, change: (frame: Frame) => Uint8Array): Uint8Array => {
  try {
    return change(decodeFrame(bytes));
  } catch {
    return bytes;
  }
};

/** An unknown field behind the control header: number 18001, which no version assigns. */
const UNKNOWN_FIELD = Uint8Array.of(0x88, 0xe5, 0x08, 0x05);

const withUnknownField: Rewrite = (bytes) => [
  take(bytes, ({ type, flags, correlation, control, payload }) =>
    joinParts(encodeFrame(type, flags, correlation, Uint8Array.from([...control, ...UNKNOWN_FIELD]), [payload])),
  ),
];

const withReservedBits: Rewrite = (bytes) => {
  const greased = bytes.slice();
  if (greased.length > 7) {
    greased[6] = (greased[6] as number) | 0x60;
    greased[7] = 0x5a;
  }
  return [greased];
};

const ignorable = joinParts(encodeFrame(0x3a5a, Flag.ONEWAY | Flag.IGNORABLE, 0, new Uint8Array(0)));

/** Not between the one-way frames that MORE joins: there QNT-FRM-016 forbids it. */
const behindIgnorable: Rewrite = (bytes) => ((decodeFrame(bytes).flags & Flag.RESPONSE) === 0 ? [bytes] : [ignorable, bytes]);

const inOtherWords: Rewrite = (bytes) => [
  take(bytes, ({ type, flags, correlation, control, payload }) => {
    if ((flags & Flag.ERROR) === 0 || (flags & Flag.RESPONSE) === 0) return bytes;
    const error = ErrorInfo.decode(control);
    return joinParts(encodeFrame(type, flags, correlation, ErrorInfo.encode({ ...error, message: 'das geht nicht' }), [payload]));
  }),
];

/** A mechanism of a later version goes before those that are offered, which come in another order. */
const withOtherMechanisms: Rewrite = (bytes) => [
  take(bytes, ({ type, flags, correlation, control, payload }) => {
    if (type !== FrameType.HELLO || flags !== Flag.RESPONSE) return bytes;
    const ok = HelloOk.decode(control);
    if (ok.mechanisms.length === 0) return bytes;
    const mechanisms = [LATER_MECHANISM, ...ok.mechanisms.toReversed()];
    return joinParts(encodeFrame(type, flags, correlation, HelloOk.encode({ ...ok, mechanisms }), [payload]));
  }),
];

const LATER_MECHANISM = 7;

const inBytes: Rewrite = (bytes) => Array.from(bytes.subarray(0, 64), (byte) => Uint8Array.of(byte)).concat([bytes.slice(64)]);

function ofServers(options: JsonObject): JsonObject {
  return { broker: options, nameServer: options };
}

/** Who may do everything; at a NameServer he is one broker, and no other. */
const EVERYBODY: User = {
  name: 'everybody',
  password: 'open sesame',
  roles: ['admin', 'broker'],
  permissions: [],
  certificate: false,
  requestsPerSecond: 0,
};

const SERVERS: readonly Role[] = ['nameserver', 'broker'];
const ALL: readonly Role[] = [...SERVERS, 'producer', 'consumer'];

/** Legal differences, each by itself. */
export const CONTROL_GROUP: readonly LegalVariant[] = [
  { name: 'the codec as it is', roles: ['codec'] },
  { name: 'far away: 20 ms each way', roles: ALL, latencyMs: 20 },
  { name: 'unknown fields in every control header', roles: ALL, rewrite: withUnknownField },
  { name: 'reserved bits and byte set', roles: ALL, rewrite: withReservedBits },
  { name: 'sends in pieces of a byte', roles: ALL, rewrite: inBytes },
  { name: 'an unknown ignorable frame before every answer', roles: SERVERS, rewrite: behindIgnorable },
  { name: 'other words in errors', roles: SERVERS, rewrite: inOtherWords },
  { name: 'the least limits', roles: SERVERS, setup: ofServers({ session: { inFlightMax: 32 } }) },
  { name: 'idles sooner', roles: SERVERS, setup: ofServers({ session: { idleMs: 30_000 } }) },
  { name: 'offers other mechanisms too', roles: SERVERS, rewrite: withOtherMechanisms },
  { name: 'asks who its clients are', roles: SERVERS, users: [EVERYBODY] },
  { name: 'asynchronous flush', roles: ['broker'], setup: { broker: { flush: 'async' } } },
  { name: 'small batches only', roles: ['broker'], setup: { broker: { limits: { batchBytesMax: 65_536 } } } },
  {
    name: 'small segments, many snapshots',
    roles: ['broker'],
    setup: { broker: { log: { segmentBytes: 65_536, snapshotBytes: 32_768 } } },
  },
  { name: 'members beat twice as often', roles: ['broker'], setup: { broker: { groups: { heartbeatMs: 1_500 } } } },
  { name: 'gathers nothing', roles: ['producer'], options: { lingerMs: 0 } },
  { name: 'one message a batch', roles: ['producer'], options: { batchRecords: 1 } },
  { name: 'one batch at a time', roles: ['producer'], options: { inFlightBatches: 1 } },
  { name: 'compresses everything', roles: ['producer'], options: { compress: true, compressFromBytes: 1 } },
  { name: 'one message at a time', roles: ['consumer'], options: { concurrency: 1 } },
  { name: 'holds little', roles: ['consumer'], options: { prefetchBytes: 65_536 } },
];

/** A transport whose connections send what a variant makes of it. */
export const varied = (transport: Transport, { rewrite }: LegalVariant): Transport =>
  rewrite === undefined ? transport : rewriting(transport, () => rewrite);

/** A transport whose connections send what becomes of their frames. @param rewriteOf called once for each connection. */
export function rewriting(transport: Transport, rewriteOf: () => Rewrite): Transport {
  const wrapped = (inner: Connection): Connection => {
    const rewrite = rewriteOf();
    return {
      remote: inner.remote,
      certificateNames: inner.certificateNames,
      send: (parts) => {
        let goesOn = true;
        for (const piece of rewrite(joinParts(parts).slice())) goesOn = inner.send([piece]);
        return goesOn;
      },
      flush: () => inner.flush(),
      setFrameBytesMax: (bytes) => inner.setFrameBytesMax(bytes),
      setReading: (on) => inner.setReading(on),
      close: () => inner.close(),
      abort: (error) => inner.abort(error),
    };
  };
  return {
    schemes: transport.schemes,
    dial: (address, handler) => wrapped(transport.dial(address, handler)),
    listen: (address, accept, done) => transport.listen(address, (inner) => accept(wrapped(inner)), done),
  };
}

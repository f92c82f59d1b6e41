import { CONTROL_HEADERS, encodeFrame, Flag, FRAME_NAMES, type Frame, joinParts, type LiveFrame, utf8 } from '@qanat/core';
import { bytesOf, isObject, type Json, type JsonObject } from '../json.ts';
import { listOf, numberOf, objectOf, textOf } from '../play/program.ts';
import { type Deed, onward } from './meddling-rule.ts';

interface Codec {
  decode(bytes: Uint8Array): Record<string, unknown>;
  encode(header: unknown): Uint8Array;
}

/** A path is `results.0.bytes`; the parts of it that are not there are left alone. */
function setPath(header: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.');
  const last = names.pop() as string;
  const owner = names.reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], header);
  if (typeof owner === 'object' && owner !== null) (owner as Record<string, unknown>)[last] = value;
}

/** What the header says, as plain objects that can be changed. */
function headerOf(codec: Codec, control: Uint8Array): Record<string, unknown> {
  const copy = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(copy);
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, copy(one)]));
  };
  return copy(codec.decode(control)) as Record<string, unknown>;
}

const codecOf = ({ type, flags }: Frame): Codec | undefined => {
  const name = FRAME_NAMES.get(type) as LiveFrame | undefined;
  const types = name === undefined || (flags & Flag.ERROR) !== 0 ? undefined : CONTROL_HEADERS[name];
  return ((flags & Flag.RESPONSE) !== 0 ? types?.response : types?.request) as Codec | undefined;
};

/** The field 18000, which nobody knows, of so many bytes (less its own head). */
function unknownField(bytes: number): Uint8Array {
  if (bytes < 8) return new Uint8Array(0);
  const length = bytes - 6;
  const head = [0x82, 0xe5, 0x08, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14];
  return joined(Uint8Array.from(head), new Uint8Array(length));
}

const joined = (...parts: readonly Uint8Array[]): Uint8Array => joinParts(parts).slice();

/** The frame with another header. */
function withHeader(frame: Frame, header: unknown, codec: Codec, args: JsonObject = {}): Uint8Array {
  const control = joined(codec.encode(header), bytesOf(textOf(args, 'extra')), unknownField(numberOf(args, 'padding', 0)));
  const payload = args.payload === undefined ? frame.payload : bytesOf(textOf(args, 'payload'));
  return joined(
    ...encodeFrame(
      frame.type,
      frame.flags | numberOf(args, 'flags', 0),
      numberOf(args, 'correlation', frame.correlation),
      control,
      [joined(payload, new Uint8Array(numberOf(args, 'appended', 0)))],
    ),
  );
}

const patched = (bytes: Uint8Array, patches: Json | undefined): Uint8Array => {
  const out = bytes.slice();
  for (const patch of Array.isArray(patches) ? patches : []) {
    const [at, hex] = patch as readonly [number, string];
    const with_ = bytesOf(hex);
    const place = at < 0 ? out.length + at : at;
    if (place >= 0 && place + with_.length <= out.length) out.set(with_, place);
  }
  return out;
};

/** The only list of a header, or that of its assignment: what MORE cuts. */
function cut(header: Record<string, unknown>): { readonly first: unknown; readonly rest: unknown } | undefined {
  if (isObject(header.assignment)) {
    const parts = cut(header.assignment as Record<string, unknown>);
    return parts && { first: { ...header, assignment: parts.first }, rest: { assignment: parts.rest } };
  }
  const name = ['leases', 'routes', 'brokers'].find((one) => Array.isArray(header[one]) && (header[one] as unknown[]).length > 1);
  if (name === undefined) return undefined;
  const list = header[name] as unknown[];
  const { group, member } = header;
  const names = group === undefined ? {} : { group, member };
  return { first: { ...header, [name]: list.slice(0, 1) }, rest: { ...names, [name]: list.slice(1) } };
}

const text = new TextDecoder();

function scramWith(message: Uint8Array, attributes: JsonObject): Uint8Array {
  const parts = text.decode(message).split(',');
  const changed = parts.flatMap((part) => {
    const letter = part.slice(0, 1);
    const value = attributes[letter];
    if (value === undefined) return [part];
    if (typeof value === 'number') return [part.slice(0, Math.max(2, part.length - value))];
    return value === null ? [] : [`${letter}=${value}`];
  });
  return utf8(changed.join(','));
}

/** Deeds that look into a frame. */
export const HEADER_DEEDS: Readonly<Record<string, Deed>> = {
  /**
   * Other values: `set` by path (`{ 'results.0.bytes': 5 }`), `extra` (hex) and an unknown field of `padding` bytes behind the
   * header, more `flags`, another `correlation`, another `payload` (hex), or some zeros `appended` to it.
   */
  alter: (wire, frame, bytes, rule) => {
    const codec = codecOf(frame);
    if (codec === undefined) return onward(wire, rule, bytes);
    const header = headerOf(codec, frame.control);
    for (const [path, value] of Object.entries(objectOf(rule.args, 'set'))) setPath(header, path, value);
    onward(wire, rule, withHeader(frame, header, codec, rule.args));
  },
  /**
   * Attributes of a message of SCRAM are others: `attributes` by their letters; a number cuts so many characters off the end,
   * null leaves the whole attribute out.
   */
  scram: (wire, frame, bytes, rule) => {
    const codec = codecOf(frame);
    if (codec === undefined) return onward(wire, rule, bytes);
    const header = headerOf(codec, frame.control);
    header.data = scramWith(header.data as Uint8Array, objectOf(rule.args, 'attributes'));
    onward(wire, rule, withHeader(frame, header, codec));
  },
  /** Other bytes in the payload: `patch` is `[[at, hex], …]`. */
  patchPayload: (wire, frame, bytes, rule) => {
    const at = bytes.length - frame.payload.length;
    onward(wire, rule, joined(bytes.subarray(0, at), patched(frame.payload, rule.args.patch)));
  },
  /** In pieces of `chunk` bytes. */
  pieces: (wire, _, bytes, rule) => wire.pieces(bytes, Math.max(1, numberOf(rule.args, 'chunk', 1))),
  /** It arrives, and once more `ms` later. */
  again: (wire, _, bytes, rule) => {
    onward(wire, rule, bytes);
    wire.later(numberOf(rule.args, 'ms', 1_000), () => onward(wire, rule, bytes));
  },
  /** So many frames, `count`, with MORE go before it, all with its header. */
  endless: (wire, frame, bytes, rule) => {
    const more = joined(...encodeFrame(frame.type, frame.flags | Flag.MORE, frame.correlation, frame.control));
    for (let i = 0; i < numberOf(rule.args, 'count', 1); i++) wire.send(more);
    onward(wire, rule, bytes);
  },
  /** A response to nothing goes before it, and one of another type under its number. */
  stray: (wire, frame, bytes, rule) => {
    const stray = (type: number, correlation: number): Uint8Array =>
      joined(...encodeFrame(type, Flag.RESPONSE, correlation, new Uint8Array(0)));
    wire.send(stray(frame.type, 0x7ffffff1));
    wire.send(stray(frame.type === 3 ? 4 : 3, frame.correlation));
    onward(wire, rule, bytes);
  },
  /** Its list comes in two frames joined by MORE, the second one `ms` later and with nothing but the list. */
  split: (wire, frame, bytes, rule) => {
    const codec = codecOf(frame);
    const parts = codec && cut(headerOf(codec, frame.control));
    if (codec === undefined || parts === undefined || (frame.flags & Flag.MORE) !== 0) return onward(wire, rule, bytes);
    onward(wire, rule, withHeader({ ...frame, flags: frame.flags | Flag.MORE }, parts.first, codec));
    wire.later(numberOf(rule.args, 'ms', 0), () => onward(wire, rule, withHeader(frame, parts.rest, codec)));
  },
  /** Each share of a topic in a route of its own. */
  splitRoutes: (wire, frame, bytes, rule) => {
    const codec = codecOf(frame);
    if (codec === undefined) return onward(wire, rule, bytes);
    const header = headerOf(codec, frame.control);
    const routes = (header.routes ?? []) as { shares: unknown[] }[];
    header.routes = routes.flatMap((route) =>
      route.shares.length < 2 ? [route] : route.shares.map((share) => ({ ...route, shares: [share] })),
    );
    onward(wire, rule, withHeader(frame, header, codec));
  },
  /** Every broker has an endpoint of a foreign scheme first, and one behind the true one at which nobody is. */
  endpoints: (wire, frame, bytes, rule) => {
    const codec = codecOf(frame);
    if (codec === undefined) return onward(wire, rule, bytes);
    const header = headerOf(codec, frame.control);
    for (const broker of (header.brokers ?? []) as { endpoints: { scheme: string }[] }[]) {
      const scheme = broker.endpoints[0]?.scheme ?? 'qanat';
      broker.endpoints.unshift({ listener: 'foreign', scheme: 'zz', address: '127.0.0.1:1' } as never);
      broker.endpoints.push({ listener: 'nobody', scheme, address: '127.0.0.1:9' } as never);
    }
    onward(wire, rule, withHeader(frame, header, codec));
  },
  /** Routes do not name the brokers of `brokers`, or call them away (`away`). */
  unname: (wire, frame, bytes, rule) => {
    const codec = codecOf(frame);
    if (codec === undefined) return onward(wire, rule, bytes);
    const header = headerOf(codec, frame.control);
    const names = new Set(listOf(rule.args, 'brokers').map(String));
    const brokers = (header.brokers ?? []) as { broker: string; away?: boolean }[];
    if (rule.args.away === true) for (const one of brokers) one.away = one.away === true || names.has(one.broker);
    else {
      header.brokers = brokers.filter(({ broker }) => !names.has(broker));
      for (const route of (header.routes ?? []) as { shares: { broker: string }[] }[])
        route.shares = route.shares.filter(({ broker }) => !names.has(broker));
    }
    onward(wire, rule, withHeader(frame, header, codec));
  },
};

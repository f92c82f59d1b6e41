import { assert } from '../errors.ts';
import { CLIENT_REQUESTS, SERVER_PUSHES } from '../wire/gen/messages.ts';
import { FrameType, RESERVED_FRAMES } from '../wire/gen/registry.ts';
import type { Decode } from '../wire/protobuf.ts';
import type { ClientCodec, LiveFrame } from './request.ts';

const PUSHES: Partial<Readonly<Record<LiveFrame, Decode<unknown>>>> = SERVER_PUSHES;

const NAMES: ReadonlyMap<number, LiveFrame> = new Map(
  Object.entries(FrameType).flatMap(([name, type]) => (RESERVED_FRAMES.includes(name) ? [] : [[type, name as LiveFrame]])),
);

/** The name of a frame type that is served by some role. */
export const frameName = (type: number): LiveFrame | undefined => NAMES.get(type);

/** GOAWAY has no answer. */
const CODECS = CLIENT_REQUESTS as Partial<Readonly<Record<LiveFrame, ClientCodec>>>;

/**
 * How a client writes a request of its own, and reads the answer.
 * @param codec of a frame whose part is loaded later.
 */
export function clientCodec(name: LiveFrame, codec: ClientCodec | undefined = CODECS[name]): ClientCodec {
  assert(codec !== undefined, `${name} was asked for without its codec`);
  return codec;
}

/** How a client reads what servers send by themselves; undefined for frames that only clients send. */
export const pushDecoder = (name: LiveFrame): Decode<unknown> | undefined => PUSHES[name];

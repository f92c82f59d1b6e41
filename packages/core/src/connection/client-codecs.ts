import { CLIENT_REQUESTS, SERVER_PUSHES } from '../wire/gen/messages.ts';
import { FrameType } from '../wire/gen/registry.ts';
import type { Decode, Encode } from '../wire/protobuf.ts';
import type { LiveFrame } from './request.ts';

interface ClientCodec {
  readonly encode: Encode<unknown>;
  readonly decode: Decode<unknown>;
}

const PUSHES: Partial<Readonly<Record<LiveFrame, Decode<unknown>>>> = SERVER_PUSHES;

const NAMES: ReadonlyMap<number, LiveFrame> = new Map(
  (Object.keys({ ...CLIENT_REQUESTS, ...SERVER_PUSHES }) as LiveFrame[]).map((name) => [FrameType[name], name]),
);

/** The name of a frame type that is served by some role. */
export const frameName = (type: number): LiveFrame | undefined => NAMES.get(type);

/** How a client writes a request of its own, and reads the answer. */
export const clientCodec = (name: LiveFrame): ClientCodec => CLIENT_REQUESTS[name as keyof typeof CLIENT_REQUESTS] as never;

/** How a client reads what servers send by themselves; undefined for frames that only clients send. */
export const pushDecoder = (name: LiveFrame): Decode<unknown> | undefined => PUSHES[name];

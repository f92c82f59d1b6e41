import { CONTROL_HEADERS } from '../wire/gen/control-headers.ts';
import { FrameType } from '../wire/gen/registry.ts';
import type { MessageType } from '../wire/protobuf.ts';
import type { ClientCodec, LiveFrame } from './request.ts';

/** The frame name for each number that is served. */
export const FRAME_NAMES: ReadonlyMap<number, LiveFrame> = new Map(
  (Object.keys(CONTROL_HEADERS) as LiveFrame[]).map((name) => [FrameType[name], name]),
);

export const requestCodec = (name: LiveFrame): MessageType<unknown, unknown> => CONTROL_HEADERS[name].request as never;
export const responseCodec = (name: LiveFrame): MessageType<unknown, unknown> => CONTROL_HEADERS[name].response as never;

/** How a client writes any request and reads its answer: for who sends requests of all kinds, and has all codecs anyway. */
export const codecOfRequest = (name: LiveFrame): ClientCodec => ({
  encode: requestCodec(name).encode,
  decode: responseCodec(name)?.decode,
});

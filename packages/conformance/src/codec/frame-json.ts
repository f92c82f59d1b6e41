// Frames as frames.json of the specification writes them, but for the payload, which stands here in hex.
import * as core from '@qanat/core';
import type { Engines } from '../driver/engines.ts';
import { bytesOf, hexOf } from '../json.ts';
import { controlOf, type FrameKind, fromCore, type HeaderJson, toCore } from './schema-json.ts';

/** One frame; what is left out has its default. */
export interface FrameJson {
  readonly frame: string;
  readonly kind: FrameKind;
  readonly correlation?: number;
  readonly more?: boolean;
  readonly header?: HeaderJson;
  /** In hex. */
  readonly payload?: string;
}

const { Flag } = core;

/** The flags of each kind of frame. */
export const KIND_FLAGS: Readonly<Record<FrameKind, number>> = {
  request: 0,
  response: Flag.RESPONSE,
  error: Flag.RESPONSE | Flag.ERROR,
  push: Flag.ONEWAY,
};

/** The bytes of a frame. @throws QanatError for what cannot be sent, Error for what the schema does not have. */
export function frameBytes(
  { frame, kind, correlation = 0, more = false, header = {}, payload = '' }: FrameJson,
  engines: Engines = core,
): Uint8Array {
  const { message, codec } = controlOf(frame, kind, engines);
  const flags = KIND_FLAGS[kind] | (more ? Flag.MORE : 0);
  const control = codec.encode(toCore(message, header));
  const bytes = bytesOf(payload);
  const { type } = engines.FRAMES[frame as core.FrameName];
  return engines.joinParts(engines.encodeFrame(type, flags, correlation, control, bytes.length === 0 ? [] : [bytes]));
}

function kindOf(flags: number): FrameKind {
  if ((flags & Flag.RESPONSE) !== 0) return (flags & Flag.ERROR) !== 0 ? 'error' : 'response';
  return (flags & Flag.ONEWAY) !== 0 ? 'push' : 'request';
}

/** What a frame says. @throws QanatError for bytes that are no frame, Error for one that the registry does not have. */
export function readFrame(bytes: Uint8Array, engines: Engines = core): FrameJson {
  const { type, flags, correlation, control, payload } = engines.decodeFrame(bytes);
  const frame = engines.FRAME_NAMES.get(type);
  if (frame === undefined) throw new Error(`the frame type ${type} is not known`);
  const kind = kindOf(flags);
  const { message, codec } = controlOf(frame, kind, engines);
  return {
    frame,
    kind,
    ...(correlation === 0 ? {} : { correlation }),
    ...((flags & Flag.MORE) === 0 ? {} : { more: true }),
    header: fromCore(message, codec.decode(control)),
    ...(payload.length === 0 ? {} : { payload: hexOf(payload) }),
  };
}

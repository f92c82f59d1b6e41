import type { SocketBinding } from '../ground/ground.ts';
import type { MessageType } from '../ground/websocket/message-reader.ts';
import type { Json } from '../json.ts';

/** Where a frame came from: the kit, or the implementation under test. */
export type Side = 'kit' | 'subject';

/** What can be done to a subject, or happens to it. */
export type Doing = 'started' | 'killed' | 'stopping' | 'stopped' | 'paused' | 'resumed' | 'ended';

/** One thing that happened while a program ran, in the order in which the kit saw it. Bytes are hex in files. */
export type HistoryEvent =
  /** A step of the program begins. */
  | { readonly kind: 'step'; readonly atMs: number; readonly step: number; readonly op: string }
  /**
   * A connection is open. `node` is the server of the kit that the subject dialled, or the subject that the kit dialled. Over TCP
   * it begins with prefaces, which stand here as bytes; over WebSocket both sides have agreed.
   */
  | {
      readonly kind: 'opened';
      readonly atMs: number;
      readonly connection: number;
      readonly by: Side;
      readonly node: string;
      readonly binding?: SocketBinding;
    }
  /** A stream is there on which WebSocket can be agreed upon: behind it comes `opened` or `refused`. */
  | { readonly kind: 'connected'; readonly atMs: number; readonly connection: number; readonly node: string }
  /** What a side says to agree upon WebSocket: a request, perhaps in pieces, or its answer. */
  | { readonly kind: 'upgrade'; readonly atMs: number; readonly connection: number; readonly from: Side; readonly text: string }
  /**
   * A message of WebSocket. One of the subject stands behind its frames. Of those of the kit only the ones that programs lay out
   * by hand stand here, before their frames.
   */
  | {
      readonly kind: 'message';
      readonly atMs: number;
      readonly connection: number;
      readonly from: Side;
      readonly type: MessageType;
      readonly length: number;
      readonly pieces: number;
      /** Of control messages, and of what programs lay out by hand. */
      readonly bytes: Uint8Array;
      /** What makes it none that RFC 6455 allows, for people. */
      readonly breach?: string;
    }
  /** The kit could not open a connection. */
  | { readonly kind: 'refused'; readonly atMs: number; readonly connection: number; readonly node: string; readonly why: string }
  /** Bytes on the wire that are not whole frames: prefaces, pieces. What the kit sends in pieces stands here as it was cut. */
  | {
      readonly kind: 'bytes';
      readonly atMs: number;
      readonly connection: number;
      readonly from: Side;
      readonly bytes: Uint8Array;
    }
  /** One whole frame, its length field included. */
  | {
      readonly kind: 'frame';
      readonly atMs: number;
      readonly connection: number;
      readonly from: Side;
      readonly bytes: Uint8Array;
    }
  /** One whole packet of MQTT, its fixed header included. */
  | {
      readonly kind: 'packet';
      readonly atMs: number;
      readonly connection: number;
      readonly from: Side;
      readonly bytes: Uint8Array;
    }
  /** What the subject sent is no frame. */
  | {
      readonly kind: 'broken';
      readonly atMs: number;
      readonly connection: number;
      readonly why: string;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'closed'; readonly atMs: number; readonly connection: number; readonly by: Side; readonly clean: boolean }
  | { readonly kind: 'subject'; readonly atMs: number; readonly what: Doing; readonly id: string }
  /** A server of the kit was started, killed or stopped, or hangs. */
  | { readonly kind: 'node'; readonly atMs: number; readonly what: Doing; readonly node: string }
  /** The kit meddled with a frame. */
  | {
      readonly kind: 'meddled';
      readonly atMs: number;
      readonly connection: number;
      readonly what: string;
      readonly frame: string;
    }
  /** The driver was asked for something, answered, or told something. */
  | { readonly kind: 'call'; readonly atMs: number; readonly id: number; readonly op: string; readonly args: Json }
  | {
      readonly kind: 'result';
      readonly atMs: number;
      readonly id: number;
      readonly op: string;
      readonly ok?: Json;
      readonly error?: CallError;
    }
  | { readonly kind: 'told'; readonly atMs: number; readonly event: string; readonly client: string; readonly args: Json }
  /** What a step of the program found out, for the checkers of its family. */
  | { readonly kind: 'note'; readonly atMs: number; readonly note: string; readonly args: Json };

/** How a driver says that a call failed. `failed` is definite: it has no effect, now or later. */
export interface CallError {
  readonly kind: 'failed' | 'indefinite' | 'unsupported' | 'invalid';
  readonly code?: string;
  readonly text?: string;
}

export type EventOf<K extends HistoryEvent['kind']> = Extract<HistoryEvent, { readonly kind: K }>;

import type { PieceToSend } from '../ground/websocket/piece.ts';
import type { PiecesOptions } from '../ground/websocket/web-socket-stream.ts';
import type { EventOf } from '../history/event.ts';

/** A message of WebSocket that a program lays out by hand. */
export interface HandmadeMessage {
  readonly pieces: readonly PieceToSend[];
  readonly options: PiecesOptions;
  /** The frames in it, where it holds whole ones. */
  readonly frames: readonly Uint8Array[];
  /** What a history says of it, but for the connection. */
  readonly seen: Omit<EventOf<'message'>, 'atMs' | 'connection' | 'from' | 'kind'>;
}

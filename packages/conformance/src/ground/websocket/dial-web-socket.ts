import { connect } from 'node:net';
import { type HostPort, QanatError } from '@qanat/core';
import { hexOf } from '../../json.ts';
import type { Link, LinkHandler } from '../ground.ts';
import { CLOSE } from './close-codes.ts';
import type { PieceToSend } from './piece.ts';
import { headOf, isUpgrade, takeHead } from './upgrade.ts';
import { type PiecesOptions, WebSocketStream } from './web-socket-stream.ts';

/** More answer than any server gives to an upgrade. */
const HEAD_BYTES_MAX = 65_536;
const BEGIN = 'HTTP/';
const SHOWN_BYTES = 16;

/** A link over WebSocket: what lies below its frames can be sent as well. */
export interface WebSocketLink extends Link {
  /** Sends more of the request for the upgrade, before it is answered. */
  say(bytes: Uint8Array): void;
  pieces(pieces: readonly PieceToSend[], options?: PiecesOptions): void;
  /** Sends a close message with a code or without one, and ends in good order. */
  close(code: number | undefined): void;
  /** Ends the stream without a close message. */
  endStream(): void;
  /** Answers no close message from now on. */
  turnDeaf(): void;
}

export const isWebSocketLink = (link: Link): link is WebSocketLink => 'pieces' in link;

/** Dials a server under test. @param greeting what is sent as soon as it is there: the request, or as much of it as wanted. */
export function dialWebSocket(target: HostPort, handler: LinkHandler, greeting: Uint8Array): WebSocketLink {
  const socket = connect({ ...target, allowHalfOpen: true, noDelay: true });
  let asked = '';
  let head: Uint8Array = new Uint8Array(0);
  let isConnected = false;
  let failure: Error | undefined;
  let stream: WebSocketStream | undefined;

  const say = (bytes: Uint8Array): void => {
    if (bytes.length === 0 || stream !== undefined) return;
    const text = Buffer.from(bytes).toString('latin1');
    asked += text;
    handler.onUpgrade?.('kit', text);
    socket.write(bytes);
  };
  const fail = (why: string): void => {
    failure ??= new QanatError('CONNECTION_FAILED', why);
    socket.destroySoon();
  };
  const onAnswer = (text: string, rest: Uint8Array): void => {
    handler.onUpgrade?.('subject', text);
    const answer = headOf(text);
    if (!isUpgrade(answer, headOf(asked))) return fail(`the upgrade to WebSocket was answered ${answer.line}`);
    stream = new WebSocketStream(socket, true, {
      onBytes: (bytes) => handler.onBytes(bytes),
      onMessage: (message) => handler.onMessage?.(message),
      onBroken: (why) => handler.onBadBytes?.(new QanatError('MALFORMED_FRAME', `no WebSocket: ${why}`)),
    });
    handler.onOpen();
    stream.read(rest);
  };
  const readHead = (bytes: Uint8Array): void => {
    if (failure !== undefined) return;
    head = new Uint8Array(Buffer.concat([head, bytes]));
    const begin = Buffer.from(head.subarray(0, BEGIN.length)).toString('latin1');
    if (!BEGIN.startsWith(begin)) return fail(`no HTTP is spoken there: it says ${hexOf(head.subarray(0, SHOWN_BYTES))}`);
    const taken = takeHead(head);
    if (taken !== undefined) onAnswer(taken.text, taken.rest);
    else if (head.length > HEAD_BYTES_MAX) fail(`an answer to the upgrade that does not end within ${HEAD_BYTES_MAX} bytes`);
  };

  socket.on('connect', () => {
    isConnected = true;
    handler.onConnected?.();
    say(greeting);
  });
  socket.on('data', (bytes) => (stream === undefined ? readHead(bytes) : stream.read(new Uint8Array(bytes))));
  socket.on('end', () => socket.end());
  socket.on('error', (error) => {
    failure ??= error;
  });
  const whyClosed = (): string | undefined => {
    if (stream !== undefined) return failure?.message ?? stream.lostBy;
    const isUnanswered = isConnected && asked !== '' && head.length === 0;
    return isUnanswered ? 'the request for the upgrade got no answer: is WebSocket spoken there?' : failure?.message;
  };

  socket.on('close', () => {
    const why = whyClosed();
    handler.onClose(why === undefined ? undefined : new QanatError('CONNECTION_LOST', why));
  });
  return {
    say,
    write: (bytes) => stream?.write(bytes),
    pieces: (pieces, options) => stream?.pieces(pieces, options),
    close: (code) => stream?.close(code),
    endStream: () => (stream === undefined ? void socket.end() : stream.endStream()),
    turnDeaf: () => stream?.turnDeaf(),
    end: () => (stream === undefined ? void socket.end() : stream.close(CLOSE.normal)),
    destroy: () => {
      // A socket that shuts down cannot be reset: Node would keep its handle for ever, and the kit would not exit.
      if (!socket.writableEnded) socket.resetAndDestroy();
      socket.destroy();
    },
    setReading: (on) => void (on ? socket.resume() : socket.pause()),
  };
}

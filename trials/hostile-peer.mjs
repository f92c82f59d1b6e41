// A peer that says whatever an attack wants it to say, and what a server did about it.
import { connect } from 'node:net';
import {
  codeOfWireNumber,
  decodeFrame,
  ErrorInfo,
  encodeFrame,
  encodePreface,
  Flag,
  FRAMES,
  FrameSplitter,
  FrameType,
  GoAway,
  PREFACE_BYTES,
  requestCodec,
} from '@qanat/core';
import { sleep } from './processes.mjs';

export const PREFACE = encodePreface();
export const bytes = (parts) => Buffer.concat(parts);

/** A request as it stands on the wire. */
export const request = (name, header, correlation, flags = 0, payload = []) =>
  bytes(encodeFrame(FRAMES[name].type, flags, correlation, requestCodec(name).encode(header), payload));

export const hello = (header = {}) => request('HELLO', { software: 'hostile', ...header }, 1);

/** A frame's first bytes: what its length field claims, and nothing else. */
export const claim = (length) => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(length);
  return head;
};

/** What a server sends over TCP, behind its preface. */
class PrefacedStream {
  #head = Buffer.alloc(0);
  #open = false;

  /** @returns the bytes of frames. */
  push(chunk) {
    if (this.#open) return chunk;
    this.#head = Buffer.concat([this.#head, chunk]);
    this.#open = this.#head.length >= PREFACE_BYTES;
    return this.#open ? this.#head.subarray(PREFACE_BYTES) : Buffer.alloc(0);
  }
}

export class Peer {
  /** Codes of answers and of GOAWAY, in order; 'ok' for an answer without error. */
  said = [];
  receivedBytes = 0;
  /** The control header of the newest answer without error. */
  answer;
  closedMs;
  /** How it ended: 'end' or the code of the error. */
  how;
  #socket;
  #closed;
  #splitter = new FrameSplitter();
  #stream;
  #startMs = performance.now();

  /**
   * @param reads whether what comes is read. @param stream takes frames out of what the server sends. @param secure wraps the
   *   socket.
   */
  constructor({ host, port }, { reads = true, stream = new PrefacedStream(), secure = (socket) => socket } = {}) {
    const socket = secure(connect({ host, port, noDelay: true, allowHalfOpen: true }));
    this.#socket = socket;
    this.#stream = stream;
    this.#splitter.frameBytesMax = 64 * 1024 * 1024;
    socket.on('error', (error) => {
      this.how ??= error.code;
    });
    this.#closed = new Promise((resolve) => {
      const end = (how) => {
        this.how ??= how;
        this.closedMs ??= performance.now() - this.#startMs;
        resolve(this);
      };
      socket.on('end', () => {
        end('end');
        socket.destroy();
      });
      socket.on('close', () => end('close'));
    });
    if (reads) socket.on('data', (chunk) => this.#take(chunk));
    else socket.pause();
  }

  /** Resolves with true when the bytes are with the kernel. */
  send(data) {
    if (this.#socket.destroyed) return Promise.resolve(false);
    return new Promise((resolve) => this.#socket.write(data, (error) => resolve(!error)));
  }

  get open() {
    return this.closedMs === undefined;
  }

  /** Sends no more, and goes on reading. */
  finish() {
    this.#socket.end();
  }

  destroy() {
    this.#socket.destroy();
  }

  /** Reads what came and comes. */
  read() {
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.resume();
  }

  /** Whether the server ended the connection by then, from the moment of the call. */
  async endedWithin(ms) {
    await Promise.race([this.#closed, sleep(ms)]);
    return !this.open;
  }

  #take(chunk) {
    this.receivedBytes += chunk.length;
    const data = this.#stream.push(chunk);
    if (data.length > 0) this.#splitter.push(new Uint8Array(data), (frame) => this.#frame(decodeFrame(frame)));
  }

  #frame({ type, flags, control }) {
    if (type === FrameType.GOAWAY) this.said.push(codeOfWireNumber(GoAway.decode(control).code));
    else if (flags & Flag.ERROR) this.said.push(codeOfWireNumber(ErrorInfo.decode(control).code));
    else if (flags & Flag.RESPONSE) {
      this.said.push('ok');
      this.answer = control;
    }
  }
}

/** Runs `one` for each item and its place, so many at a time. */
export async function inParallel(items, width, one) {
  const results = new Array(items.length);
  let next = 0;
  const run = async () => {
    while (next < items.length) {
      const place = next++;
      results[place] = await one(items[place], place);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, run));
  return results;
}

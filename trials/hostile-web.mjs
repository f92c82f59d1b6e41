// What hostile peers try against a WebSocket listener.
import { Buffer } from 'node:buffer';
import { LIMITS } from '@qanat/core';
import { bytes, claim, hello, inParallel, Peer, request } from './hostile-peer.mjs';
import { sleep } from './processes.mjs';

const MASK = Buffer.from([0x12, 0x34, 0x56, 0x78]);
const FINAL = 0x80;
const COMPRESSED = 0x40;
const Opcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, PING: 9 };
const IDLE_MS = 4_000;

/** A request for the upgrade; a header that is undefined is left out. */
export function upgrade(headers = {}) {
  const all = {
    Host: 'qanat',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': 'qanat.v1',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return Buffer.from(`GET / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
}

/** The head of a piece of a masked message that claims so many bytes. */
function pieceHead(first, length) {
  const head = Buffer.alloc(10);
  head[0] = first;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return bytes([head, MASK]);
}

export function piece(first, data) {
  const masked = Buffer.from(data.map((byte, i) => byte ^ MASK[i % 4]));
  return bytes([pieceHead(first, data.length), masked]);
}

/** A whole binary message of a client. */
export const message = (data) => piece(FINAL | Opcode.BINARY, Buffer.from(data));

/** Takes frames out of what a server sends over WebSocket; keeps the status of the upgrade and the code of the close. */
export class WebStream {
  status;
  closeCode;
  #rest = Buffer.alloc(0);

  push(chunk) {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    if (this.status === undefined) {
      const end = this.#rest.indexOf('\r\n\r\n');
      if (end < 0) return Buffer.alloc(0);
      this.status = Number(this.#rest.subarray(9, 12).toString());
      this.#rest = this.#rest.subarray(end + 4);
    }
    const frames = [];
    for (let taken = this.#takePiece(); taken !== undefined; taken = this.#takePiece()) frames.push(taken);
    return bytes(frames);
  }

  #takePiece() {
    const { length: have } = this.#rest;
    if (have < 2) return undefined;
    const short = this.#rest[1] & 127;
    const headLength = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (have < headLength) return undefined;
    const length = short === 127 ? Number(this.#rest.readBigUInt64BE(2)) : short === 126 ? this.#rest.readUInt16BE(2) : short;
    if (have < headLength + length) return undefined;
    const opcode = this.#rest[0] & 15;
    const data = this.#rest.subarray(headLength, headLength + length);
    this.#rest = this.#rest.subarray(headLength + length);
    if (opcode === 8) this.closeCode = length >= 2 ? data.readUInt16BE(0) : 1005;
    return opcode === Opcode.BINARY ? data : Buffer.alloc(0);
  }
}

const greeting = (header) => bytes([upgrade(), message(hello(header))]);

/**
 * @param tools `ended` makes peers send bytes and waits until each is ended; `until`, `tally`, `count`, and the time that is
 *   allowed.
 */
export function webAttacks({ ended, until, tally, count, slackMs }) {
  const web = (options = {}) => ({ ...options, stream: new WebStream() });
  const open = (target, number, options = {}, header = {}) =>
    inParallel(Array.from({ length: number }), 100, async () => {
      const settings = web(options);
      const peer = Object.assign(new Peer(target, settings), { stream: settings.stream });
      await peer.send(greeting(header));
      if (options.reads !== false) await until(() => peer.said.length > 0 || !peer.open);
      return peer;
    });

  /** Each is answered as it deserves, and ended. */
  async function answered(target, data, expected) {
    const peers = await inParallel(data, 50, async (chunk) => {
      const settings = web();
      const peer = Object.assign(new Peer(target, settings), { stream: settings.stream });
      await peer.send(chunk);
      await peer.endedWithin(slackMs);
      peer.destroy();
      return peer;
    });
    const seen = peers.map(({ stream, said }) =>
      `${stream.status}${stream.closeCode === undefined ? '' : `/${stream.closeCode}`} ${said.join('+')}`.trim(),
    );
    const wrong = count(seen, (one) => !expected.test(one));
    return { passed: wrong === 0 && count(peers, (peer) => peer.open) === 0, text: `${peers.length} peers heard ${tally(seen)}` };
  }

  return {
    'random bytes': (target, { dice }) =>
      ended(
        target,
        Array.from({ length: 200 }, () => Buffer.from(Array.from({ length: 1 + dice.below(4_096) }, () => dice.below(256)))),
        {
          finish: true,
        },
      ),
    'foreign origins': (target) =>
      answered(
        target,
        ['https://evil.example', 'null', 'http://localhost.evil.example', 'file://'].map((Origin) => upgrade({ Origin })),
        /^403/,
      ),
    'no subprotocol, or another': (target) =>
      answered(
        target,
        [undefined, 'mqtt', 'qanat.v9'].map((one) => upgrade({ 'Sec-WebSocket-Protocol': one })),
        /^400/,
      ),
    'no upgrade at all': (target) =>
      answered(
        target,
        [
          Buffer.from('GET / HTTP/1.1\r\nHost: qanat\r\n\r\n'),
          Buffer.from('POST / HTTP/1.1\r\nHost: qanat\r\nContent-Length: 99999999\r\n\r\n'),
        ],
        /^4/,
      ),
    'headers without end': (target) => ended(target, [Buffer.from(`GET / HTTP/1.1\r\nX: ${'x'.repeat(200_000)}`)], {}),
    'text and compressed messages': (target) =>
      answered(
        target,
        [
          bytes([greeting(), piece(FINAL | Opcode.TEXT, Buffer.from('{"hello":1}'))]),
          bytes([greeting(), piece(FINAL | COMPRESSED | Opcode.BINARY, Buffer.alloc(1_000))]),
          bytes([greeting(), message(Buffer.from('0000000c00030000', 'hex'))]),
        ],
        /MALFORMED_FRAME/,
      ),
    'an oversized message before HELLO, and behind it': (target) =>
      answered(
        target,
        [
          bytes([
            upgrade(),
            pieceHead(FINAL | Opcode.BINARY, LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX + 5),
            claimMasked(LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX + 1),
          ]),
          bytes([
            greeting(),
            pieceHead(FINAL | Opcode.BINARY, LIMITS.FRAME_BYTES_MAX + 5),
            claimMasked(LIMITS.FRAME_BYTES_MAX + 1),
          ]),
        ],
        /FRAME_TOO_LARGE/,
      ),

    'a flood of fragments': async (target) => {
      const peers = await open(target, 50);
      const crumbs = bytes([
        piece(Opcode.BINARY, Buffer.alloc(0)),
        ...Array.from({ length: 50_000 }, () => piece(Opcode.CONTINUATION, Buffer.from([0]))),
      ]);
      await Promise.all(peers.map((peer) => Promise.race([peer.send(crumbs), sleep(slackMs)])));
      await Promise.all(peers.map((peer) => peer.endedWithin(slackMs)));
      return verdictOf(peers, (peer) => !peer.open, 'were ended');
    },

    'a flood of pings whose answers nobody reads': async (target) => {
      const peers = await open(target, 20, { reads: false }, { idleMs: IDLE_MS });
      const pings = bytes(Array.from({ length: 20_000 }, () => piece(FINAL | Opcode.PING, Buffer.alloc(100))));
      await Promise.all(peers.map((peer) => Promise.race([peer.send(pings), sleep(slackMs)])));
      await sleep(IDLE_MS + slackMs);
      for (const peer of peers) peer.read();
      await Promise.all(peers.map((peer) => peer.endedWithin(slackMs)));
      return verdictOf(peers, (peer) => !peer.open, 'were ended although they pinged');
    },

    '1,000 sockets that declare the longest message': async (target) => {
      const peers = await open(target, 1_000);
      const most = bytes([pieceHead(FINAL | Opcode.BINARY, LIMITS.FRAME_BYTES_MAX + 4), claimMasked(LIMITS.FRAME_BYTES_MAX)]);
      await Promise.all(peers.map((peer) => peer.send(most)));
      await sleep(1_000);
      return verdictOf(peers, (peer) => peer.open, 'wait for the rest of their messages');
    },

    '120 sockets that send the longest message but for a byte': async (target) => {
      const peers = await open(target, 120);
      const data = bytes([claim(LIMITS.FRAME_BYTES_MAX), Buffer.alloc(LIMITS.FRAME_BYTES_MAX - 1)]);
      const most = bytes([
        pieceHead(FINAL | Opcode.BINARY, LIMITS.FRAME_BYTES_MAX + 4),
        Buffer.from(data.map((byte, i) => byte ^ MASK[i % 4])),
      ]);
      await inParallel(peers, 8, (peer) => Promise.race([peer.send(most), sleep(slackMs)]));
      await until(() => count(peers, (peer) => !peer.open) >= peers.length - 64);
      const waiting = count(peers, (peer) => peer.open);
      for (const peer of peers) peer.destroy();
      return {
        passed: waiting <= 64,
        text: `${peers.length - waiting} of ${peers.length} were ended, ${waiting} still wait`,
        details: [tally(peers.flatMap(({ said }) => said))],
      };
    },

    'one byte a second in every state': async (target) => {
      const slowly = async (before, data, withinMs) => {
        const peer = new Peer(target, web());
        if (before.length > 0) await peer.send(before);
        const startMs = performance.now();
        for (let i = 0; peer.open && performance.now() - startMs < withinMs + slackMs; i++) {
          await peer.send(data.subarray(i % data.length, (i % data.length) + 1));
          await peer.endedWithin(1_000);
        }
        peer.destroy();
        return { ms: peer.open ? Number.POSITIVE_INFINITY : performance.now() - startMs, withinMs };
      };
      const all = await Promise.all([
        slowly(Buffer.alloc(0), upgrade(), LIMITS.HELLO_DEADLINE_MS),
        slowly(upgrade(), message(hello()), LIMITS.HELLO_DEADLINE_MS),
        slowly(greeting({ idleMs: IDLE_MS }), message(request('PING', {}, 3, 0, [Buffer.alloc(64)])), IDLE_MS),
      ]);
      const [asking, first, later] = all.map(({ ms }) => `${(ms / 1000).toFixed(1)} s`);
      return {
        passed: all.every(({ ms, withinMs }) => ms <= withinMs + slackMs),
        text: `ended in the upgrade after ${asking}, in HELLO after ${first}, in a message after ${later}`,
      };
    },
  };

  function verdictOf(peers, holds, what) {
    const fine = count(peers, holds);
    for (const peer of peers) peer.destroy();
    return {
      passed: fine === peers.length,
      text: `${fine} of ${peers.length} ${what}`,
      details: [tally(peers.flatMap(({ said }) => said))],
    };
  }
}

/** The first bytes of a frame, masked as the first of their message. */
const claimMasked = (length) => Buffer.from(claim(length).map((byte, i) => byte ^ MASK[i % 4]));

// A process that holds connections to a broker open and does nothing with them but to stay alive: `node idle-connections.mjs
// ADDRESS COUNT`, ADDRESS host:port or ws://host:port. It says "open N lost M" on standard output, first when all are greeted and
// then with each change.
import { connect } from 'node:net';
import { encodeFrame, encodePreface, FrameType, Hello, Ping, PREFACE_BYTES } from '@qanat/core';
import { message, upgrade } from './hostile-web.mjs';

const PING_MS = 20_000;
/** So that the backlog of the listener is not overrun. */
const DIALLING_MAX = 64;

const [, , address, count] = process.argv;
const isWeb = address.startsWith('ws://');
const [host, port] = address.replace('ws://', '').split(':');
const frame = (type, correlation, control) => Buffer.concat(encodeFrame(type, 0, correlation, control));
const hello = frame(FrameType.HELLO, 1, Hello.encode({ software: 'idle', label: 'idle' }));
const greeting = isWeb ? Buffer.concat([upgrade(), message(hello)]) : Buffer.concat([encodePreface(), hello]);
const isGreeted = isWeb
  ? (received) => received.includes('\r\n\r\n') && !received.endsWith('\r\n\r\n')
  : (received) => received.length > PREFACE_BYTES;
let open = 0;
let lost = 0;
let told = false;

const tell = () => told && process.stdout.write(`open ${open} lost ${lost}\n`);

/** Resolves when the broker has answered HELLO. */
function hold(i) {
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    let correlation = 1;
    let received = '';
    let greeted = false;
    let timer;
    socket.setNoDelay(true);
    socket.on('connect', () => socket.write(greeting));
    socket.on('data', (bytes) => {
      if (greeted) return;
      received += bytes.toString('latin1');
      if (!isGreeted(received)) return;
      greeted = true;
      received = '';
      open++;
      // Each at a time of its own, as real clients are.
      const ping = () => {
        correlation += 2;
        const ping = frame(FrameType.PING, correlation, Ping.encode({}));
        socket.write(isWeb ? message(ping) : ping);
      };
      timer = setTimeout(
        () => {
          ping();
          timer = setInterval(ping, PING_MS);
        },
        (i * PING_MS) / Number(count),
      );
      resolve();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(timer);
      if (greeted) open--;
      lost++;
      tell();
      resolve();
    });
  });
}

let next = 0;
const work = async () => {
  while (next < Number(count)) await hold(next++);
};
await Promise.all(Array.from({ length: DIALLING_MAX }, work));
told = true;
tell();

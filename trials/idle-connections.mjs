// A process that holds connections to a broker open and does nothing with them but to stay alive: `node idle-connections.mjs
// ADDRESS COUNT`. It says "open N lost M" on standard output, first when all are greeted and then with each change.
import { connect } from 'node:net';
import { encodeFrame, encodePreface, FrameType, Hello, Ping, PREFACE_BYTES } from '@qanat/core';

const PING_MS = 20_000;
/** So that the backlog of the listener is not overrun. */
const DIALLING_MAX = 64;

const [, , address, count] = process.argv;
const [host, port] = address.split(':');
const greeting = Buffer.concat([
  encodePreface(),
  ...encodeFrame(FrameType.HELLO, 0, 1, Hello.encode({ software: 'idle', label: 'idle' })),
]);
let open = 0;
let lost = 0;
let told = false;

const tell = () => told && process.stdout.write(`open ${open} lost ${lost}\n`);

/** Resolves when the broker has answered HELLO. */
function hold(i) {
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    let correlation = 1;
    let received = 0;
    let greeted = false;
    let timer;
    socket.setNoDelay(true);
    socket.on('connect', () => socket.write(greeting));
    socket.on('data', (bytes) => {
      received += bytes.length;
      if (greeted || received <= PREFACE_BYTES) return;
      greeted = true;
      open++;
      // Each at a time of its own, as real clients are.
      const ping = () => {
        correlation += 2;
        for (const part of encodeFrame(FrameType.PING, 0, correlation, Ping.encode({}))) socket.write(part);
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

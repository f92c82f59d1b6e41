// What Node needs at the least for a message of MQTT on this machine: a process that passes each PUBLISH on to all other
// connections, acknowledges it, and writes it to a file without a sync. It checks nothing and knows no topics. With a port as its
// argument it only passes bytes on to the process there and back: a hop more, as between a bridge and a broker.
import { Buffer } from 'node:buffer';
import { mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const Type = { CONNECT: 1, PUBLISH: 3, SUBSCRIBE: 8 };
const CONNACK = Buffer.from([0x20, 2, 0, 0]);

/** Packets here are short: one byte tells their length. */
function* packetsOf(chunk) {
  for (let at = 0; at < chunk.length; ) {
    const end = at + 2 + chunk[at + 1];
    yield chunk.subarray(at, end);
    at = end;
  }
}

function answer(socket, others, file, packet) {
  const type = packet[0] >> 4;
  if (type === Type.CONNECT) socket.write(CONNACK);
  else if (type === Type.SUBSCRIBE) socket.write(Buffer.from([0x90, 3, packet[2], packet[3], packet.at(-1)]));
  else if (type === Type.PUBLISH) {
    const idAt = 4 + packet.readUInt16BE(2);
    writeSync(file, packet);
    for (const other of others) if (other !== socket) other.write(packet);
    socket.write(Buffer.from([0x40, 2, packet[idAt], packet[idAt + 1]]));
  }
}

function listen(onSocket) {
  const server = createServer({ noDelay: true }, (socket) => onSocket(socket.on('error', () => socket.destroy())));
  server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
}

function serve() {
  const directory = mkdtempSync(join(tmpdir(), 'qanat-bench-bare-'));
  process.on('SIGTERM', () => {
    rmSync(directory, { recursive: true });
    process.exit(0);
  });
  const file = openSync(join(directory, 'log'), 'w');
  const sockets = new Set();
  listen((socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)));
    socket.on('data', (chunk) => {
      for (const packet of packetsOf(chunk)) answer(socket, sockets, file, packet);
    });
  });
}

function passOnTo(port) {
  listen((socket) => {
    const next = connect({ port, host: '127.0.0.1', noDelay: true }).on('error', () => next.destroy());
    socket.on('data', (chunk) => next.write(chunk)).on('close', () => next.destroy());
    next.on('data', (chunk) => socket.write(chunk)).on('close', () => socket.destroy());
  });
}

const [port] = process.argv.slice(2);
if (port === undefined) serve();
else passOnTo(Number(port));

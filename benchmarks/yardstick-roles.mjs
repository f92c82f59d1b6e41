// The three processes of the yardstick: a server that makes batches durable and gives them back, a producer and a consumer.
// They do
// the work that a broker and its clients cannot do without, and nothing else: no topics, no recovery, no errors, the backlog in
// memory. Frame: length u32 · kind u8 · number u32 · payload. Batch: CRC-32 of the rest u32, 60 bytes of zeros, records.
import { fdatasync, openSync, writev } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

const KIND = { STORE: 1, STORED: 2, FETCH: 3, BATCH: 4 };
const HEAD_BYTES = 9;
const BATCH_HEAD_BYTES = 64;
/** Of a record beside its body, at most. */
const RECORD_BYTES = 16;
const FETCHES_IN_FLIGHT = 8;
/** Frames with fewer messages are written together. */
const SMALL_BATCH = 16;
const TAG = Buffer.from('TAGA');

function head(kind, number, payloadBytes) {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES);
  bytes.writeUInt32BE(HEAD_BYTES - 4 + payloadBytes, 0);
  bytes[4] = kind;
  bytes.writeUInt32BE(number, 5);
  return bytes;
}

/** Calls `onFrame(kind, number, payload)` for each frame, and `onChunk` when those that came together are through. */
function receive(socket, onFrame, onChunk) {
  let left = null;
  socket.on('data', (chunk) => {
    const bytes = left === null ? chunk : Buffer.concat([left, chunk]);
    let at = 0;
    while (bytes.length - at >= 4) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      onFrame(bytes[at + 4], bytes.readUInt32BE(at + 5), bytes.subarray(at + HEAD_BYTES, end));
      at = end;
    }
    left = at === bytes.length ? null : bytes.subarray(at);
    onChunk();
  });
}

function checkSum(batch) {
  if (crc32(batch.subarray(4)) !== batch.readUInt32BE(0)) throw new Error('the checksum of a batch does not hold');
}

// ---- server ----

function serve({ directory }) {
  const file = openSync(join(directory, 'yardstick.log'), 'w');
  const stored = [];
  let position = 0;
  let syncing = false;
  let gathering = [];
  let waiting = [];

  const commit = () => {
    if (syncing || gathering.length === 0) return;
    syncing = true;
    const group = gathering;
    gathering = [];
    const batches = group.map(({ batch }) => batch);
    const bytes = batches.reduce((sum, { length }) => sum + length, 0);
    const done = () => {
      syncing = false;
      position += bytes;
      settle(group);
      commit();
    };
    writev(file, batches, position, (error, written) => {
      if (error !== null || written !== bytes) throw error ?? new Error('a short write');
      fdatasync(file, (failure) => {
        if (failure !== null) throw failure;
        done();
      });
    });
  };

  const settle = (group) => {
    const answers = new Map();
    for (const { batch, socket, number } of group) {
      stored.push(batch);
      const heads = answers.get(socket) ?? [];
      heads.push(head(KIND.STORED, number, 0));
      answers.set(socket, heads);
    }
    for (const [socket, heads] of answers) socket.write(heads.length === 1 ? heads[0] : Buffer.concat(heads));
    const fetches = waiting;
    waiting = [];
    for (const { socket, item } of fetches) give(socket, item);
  };

  const give = (socket, item) => {
    const batch = stored[item];
    if (batch === undefined) return void waiting.push({ socket, item });
    socket.cork();
    socket.write(head(KIND.BATCH, item, batch.length));
    socket.write(batch);
    socket.uncork();
  };

  const server = createServer({ noDelay: true }, (socket) => {
    // A client that has all that it wants just goes.
    socket.on('error', () => {});
    receive(
      socket,
      (kind, number, payload) => {
        if (kind === KIND.FETCH) return give(socket, number);
        checkSum(payload);
        gathering.push({ batch: payload, socket, number });
      },
      commit,
    );
  });
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
}

// ---- producer ----

function putVarint(bytes, at, value) {
  let to = at;
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes[to++] = (rest & 127) | 128;
  bytes[to++] = rest;
  return to;
}

/** A whole frame with a batch of `count` records: length, attributes, time, key, tag, body, properties. */
function encodeFrame(number, count, body) {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + BATCH_HEAD_BYTES + count * (RECORD_BYTES + body.length));
  bytes.fill(0, HEAD_BYTES, HEAD_BYTES + BATCH_HEAD_BYTES);
  let at = HEAD_BYTES + BATCH_HEAD_BYTES;
  for (let i = 0; i < count; i++) {
    const from = at;
    at += 2;
    bytes[at++] = 0;
    at = putVarint(bytes, at, i);
    bytes[at++] = 0;
    bytes[at++] = TAG.length;
    bytes.set(TAG, at);
    at = putVarint(bytes, at + TAG.length, body.length);
    bytes.set(body, at);
    at += body.length;
    bytes[at++] = 0;
    const length = at - from - 2;
    bytes[from] = (length & 127) | 128;
    bytes[from + 1] = length >>> 7;
  }
  bytes.set(head(KIND.STORE, number, at - HEAD_BYTES), 0);
  bytes.writeUInt32BE(crc32(bytes.subarray(HEAD_BYTES + 4, at)), HEAD_BYTES);
  return bytes.subarray(0, at);
}

function produce({ port, messages, batch, inFlight, size }) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const body = Buffer.alloc(size, 'x');
  const sentMs = new Map();
  const latencies = [];
  let sent = 0;
  let acked = 0;
  let startMs = 0;
  const send = () => {
    const small = [];
    for (; sentMs.size < inFlight && sent < messages; sent += batch) {
      const number = sent / batch;
      sentMs.set(number, performance.now());
      const bytes = encodeFrame(number, batch, body);
      if (batch > SMALL_BATCH) socket.write(bytes);
      else small.push(bytes);
    }
    if (small.length > 0) socket.write(small.length === 1 ? small[0] : Buffer.concat(small));
  };
  receive(
    socket,
    (_kind, number) => {
      latencies.push(performance.now() - sentMs.get(number));
      sentMs.delete(number);
      acked += batch;
    },
    () => {
      if (acked < messages) return send();
      latencies.sort((a, b) => a - b);
      const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
      finish({ count: acked, seconds: (performance.now() - startMs) / 1000, p50: at(0.5), p99: at(0.99) });
    },
  );
  socket.on('connect', () => {
    startMs = performance.now();
    send();
  });
}

// ---- consumer ----

/** Walks the records of a batch, as whoever hands out messages must. @returns how many there are. */
function countRecords(batch, size) {
  let at = BATCH_HEAD_BYTES;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = batch[at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  let count = 0;
  while (at < batch.length) {
    varint();
    at++;
    varint();
    at += 1 + batch[at];
    at += 1 + batch[at];
    const length = varint();
    if (batch.subarray(at, at + length).length !== size) throw new Error('a body has another length');
    at += length + 1;
    count++;
  }
  return count;
}

function consume({ port, messages, size }) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let asked = 0;
  let came = 0;
  let got = 0;
  let startMs = 0;
  const ask = () => {
    for (; asked - came < FETCHES_IN_FLIGHT; asked++) socket.write(head(KIND.FETCH, asked, 0));
  };
  receive(
    socket,
    (_kind, number, batch) => {
      startMs ||= performance.now();
      if (number !== came++) throw new Error('batches came in another order');
      checkSum(batch);
      got += countRecords(batch, size);
    },
    () => {
      if (got < messages) return ask();
      finish({ count: got, seconds: (performance.now() - startMs) / 1000 });
    },
  );
  socket.on('connect', ask);
}

function finish(result) {
  const { user, system } = process.cpuUsage();
  process.send({ ...result, cpuUs: (user + system) / result.count }, () => process.exit());
}

const ROLES = { serve, produce, consume };
ROLES[process.argv[2]](JSON.parse(process.argv[3]));

// What hostile peers try, each against one port. An attack gives its verdict: what the server did, and whether the specification
// wants it so. It runs in a thread of its own, so that it takes no time from the clients that are measured.
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { LIMITS } from '@qanat/core';
import { Dice, Mutator } from '../fuzz/mutate.mjs';
import { httpAttacks } from './hostile-http.mjs';
import { loginAttacks } from './hostile-login.mjs';
import { bytes, claim, hello, inParallel, Peer, PREFACE, request } from './hostile-peer.mjs';
import { webAttacks } from './hostile-web.mjs';
import { sleep } from './processes.mjs';

/** What is due at once may take so long; longer where the machine has more to do than it can. */
const SLACK_MS = 4_000 * Math.min(8, Math.max(1, loadavg()[0] / availableParallelism()));
/** How long peers that read nothing stay away; whoever is late is still ended when they read. */
const AWAY_MS = Math.min(SLACK_MS, 8_000);
const SHORT_IDLE_MS = 4_000;
const CLOSE_MS = 5_000;
const MIB = 1024 * 1024;

const TLS_CLIENT_HELLO = Buffer.from(
  '16030100f8010000f40303a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9020aabbccdd',
  'hex',
);
const SERVER_LAYERS = { nameserver: ['nameserver', 'server'], broker: ['broker', 'admin', 'server'] };

/** The bytes that clients send in the recorded sessions. */
function sessions(role) {
  const folder = new URL('../spec/v1/vectors/sessions/', import.meta.url);
  const all = readdirSync(folder).map((file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')));
  const streams = all
    .filter(({ setup }) => SERVER_LAYERS[role].includes(setup.layer))
    .map(({ steps }) => bytes(steps.filter((step) => step.in !== undefined).map((step) => Buffer.from(step.in, 'hex'))));
  return streams.map((stream) => bytes([PREFACE, stream]));
}

const count = (list, holds) => list.filter(holds).length;
const tally = (list) => {
  const counts = new Map();
  for (const item of list) counts.set(item, (counts.get(item) ?? 0) + 1);
  return [...counts].map(([item, times]) => `${times} ${item}`).join(', ') || 'nothing';
};

/** Every peer sends its bytes and must be ended in time; `code`: the GOAWAY that each must hear. */
async function ended(target, data, { withinMs = SLACK_MS, width = 100, code, finish = false }) {
  const peers = await inParallel(data, width, async (chunk) => {
    const peer = new Peer(target);
    await peer.send(chunk);
    if (finish) peer.finish();
    await peer.endedWithin(withinMs);
    peer.destroy();
    return peer;
  });
  const late = count(peers, ({ closedMs, how }) => closedMs === undefined || how === 'close');
  const wrong = code === undefined ? 0 : count(peers, ({ said }) => !said.includes(code));
  const slowest = Math.max(...peers.map(({ closedMs }) => closedMs ?? Number.POSITIVE_INFINITY));
  const says = code === undefined ? '' : `, ${code} told to ${peers.length - wrong}`;
  const said = tally(peers.flatMap(({ said }) => [...new Set(said)]));
  return {
    passed: peers.length > 0 && late === 0 && wrong === 0,
    text: `${peers.length} peers ended, the last after ${(slowest / 1000).toFixed(1)} s${says}`,
    details: [`${late} late, said: ${said}`],
  };
}

const greeted = (data, header) => bytes([PREFACE, hello(header), data]);

/** Opens greeted connections that are kept. */
async function openPeers(target, number, options = {}, header = {}) {
  return inParallel(Array.from({ length: number }), 200, async () => {
    const peer = new Peer(target, options);
    await peer.send(greeted(Buffer.alloc(0), header));
    // What is sent before HELLO is answered is held to the limit before HELLO.
    if (options.reads !== false) await until(() => peer.said.length > 0 || !peer.open);
    return peer;
  });
}

async function until(holds, withinMs = SLACK_MS) {
  for (const endMs = performance.now() + withinMs; !holds() && performance.now() < endMs; ) await sleep(10);
}

const ATTACKS = {
  'random bytes': (target, { dice }) =>
    ended(
      target,
      Array.from({ length: 200 }, () => Buffer.from(Array.from({ length: 1 + dice.below(4_096) }, () => dice.below(256)))),
      {},
    ),

  'random bytes behind HELLO': (target, { dice }) =>
    ended(
      target,
      Array.from({ length: 200 }, () => greeted(Buffer.from([0xff, ...Array.from({ length: 500 }, () => dice.below(256))]))),
      { code: 'FRAME_TOO_LARGE' },
    ),

  'a TLS ClientHello': (target) => ended(target, [TLS_CLIENT_HELLO], {}),
  'an HTTP request': (target) => ended(target, [Buffer.from('GET / HTTP/1.1\r\nHost: qanat\r\n\r\n')], {}),
  'another major version': (target) => ended(target, [Buffer.from([0xab, 0x51, 0x4e, 0x54, 9, 0, 0, 0])], {}),
  'no HELLO first': (target) => ended(target, [bytes([PREFACE, request('PING', {}, 1)])], { code: 'HELLO_EXPECTED' }),
  'an oversized frame before HELLO': (target) =>
    ended(target, [bytes([PREFACE, claim(LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX + 1)])], { code: 'FRAME_TOO_LARGE' }),
  'an oversized frame': (target) =>
    ended(target, [greeted(claim(LIMITS.FRAME_BYTES_MAX + 1)), greeted(claim(0xffff_ffff))], { code: 'FRAME_TOO_LARGE' }),

  'sessions cut at every byte': (target, { role, cuts }) => {
    const all = sessions(role).flatMap((stream) =>
      Array.from({ length: stream.length }, (_, cut) => stream.subarray(0, cut + 1)),
    );
    const step = Math.max(1, Math.ceil(all.length / cuts));
    const chosen = all.filter((_, i) => i % step === 0);
    return ended(target, chosen, { finish: true, withinMs: CLOSE_MS + SLACK_MS, width: 200 });
  },

  'mutated sessions': (target, { role, dice }) => {
    const mutator = new Mutator(dice);
    const streams = sessions(role);
    const pick = () => streams[dice.below(streams.length)];
    const changed = Array.from({ length: 600 }, () => {
      const stream = pick();
      return bytes([stream.subarray(0, 8), mutator.mutate(stream.subarray(8), pick().subarray(8))]);
    });
    return ended(target, changed, { finish: true, withinMs: CLOSE_MS + SLACK_MS, width: 100 });
  },

  'one byte a second': async (target) => {
    const slowly = async (before, data, withinMs) => {
      const peer = new Peer(target);
      if (before.length > 0) await peer.send(before);
      const startMs = performance.now();
      for (let i = 0; peer.open && performance.now() - startMs < withinMs + SLACK_MS; i++) {
        await peer.send(data.subarray(i % data.length, (i % data.length) + 1));
        await peer.endedWithin(1_000);
      }
      peer.destroy();
      return { ms: peer.open ? Number.POSITIVE_INFINITY : performance.now() - startMs, withinMs, said: peer.said };
    };
    const frame = request('PING', {}, 3, 0, [Buffer.alloc(64)]);
    const all = await Promise.all([
      slowly(Buffer.alloc(0), PREFACE, LIMITS.HELLO_DEADLINE_MS),
      slowly(PREFACE, hello(), LIMITS.HELLO_DEADLINE_MS),
      slowly(greeted(Buffer.alloc(0), { idleMs: SHORT_IDLE_MS }), frame, SHORT_IDLE_MS),
    ]);
    const [preface, first, later] = all.map(({ ms }) => `${(ms / 1000).toFixed(1)} s`);
    const codes = [all[1].said.includes('HELLO_TIMEOUT'), all[2].said.includes('IDLE_TIMEOUT')];
    return {
      passed: all.every(({ ms, withinMs }) => ms <= withinMs + SLACK_MS) && codes.every(Boolean),
      text: `ended in the preface after ${preface}, in HELLO after ${first}, in a frame after ${later} (HELLO_TIMEOUT, IDLE_TIMEOUT)`,
      details: all.map(({ said }) => tally(said)),
    };
  },

  'half-open connections': (target) =>
    ended(
      target,
      Array.from({ length: 200 }, () => greeted(Buffer.alloc(0))),
      { finish: true, withinMs: CLOSE_MS + SLACK_MS },
    ),

  'connection churn': async (target) => {
    const startMs = performance.now();
    const peers = await inParallel(Array.from({ length: 2_000 }), 50, async (_, i) => {
      const peer = new Peer(target);
      await peer.send(greeted(Buffer.alloc(0)));
      if (i % 2 === 0) peer.finish();
      else peer.destroy();
      return peer;
    });
    const perSecond = Math.round(peers.length / ((performance.now() - startMs) / 1000));
    for (const peer of peers) peer.destroy();
    return { passed: peers.length > 0, text: `${peers.length} connections came and went, ${perSecond} a second` };
  },

  'a crowd that says nothing': async (target) => {
    const crowd = await inParallel(Array.from({ length: 1_500 }), 200, async () => {
      const peer = new Peer(target);
      await peer.send(PREFACE);
      return peer;
    });
    const late = new Peer(target);
    await late.send(greeted(request('PING', {}, 3)));
    await until(() => late.said.length > 1);
    const served = count(late.said, (said) => said === 'ok');
    late.destroy();
    await Promise.all(crowd.map((peer) => peer.endedWithin(LIMITS.HELLO_DEADLINE_MS + SLACK_MS)));
    const open = count(crowd, (peer) => peer.open);
    for (const peer of crowd) peer.destroy();
    const said = tally(crowd.flatMap((peer) => peer.said));
    return {
      passed: served === 2 && open === 0,
      text: `of ${crowd.length} peers ${crowd.length - open} were ended (${said}), and one that came behind them was served`,
      details: [`served ${served} of 2, ${open} still open`],
    };
  },

  '1,000 sockets that declare the longest frame': async (target) => {
    const peers = await openPeers(target, 1_000);
    await Promise.all(peers.map((peer) => peer.send(claim(LIMITS.FRAME_BYTES_MAX))));
    await sleep(1_000);
    const open = count(peers, (peer) => peer.open);
    for (const peer of peers) peer.destroy();
    return { passed: open > 0 && open === peers.length, text: `${open} of ${peers.length} wait for the rest of their frames` };
  },

  '120 sockets that send the longest frame but for a byte': async (target) => {
    const peers = await openPeers(target, 120);
    const most = Buffer.concat([claim(LIMITS.FRAME_BYTES_MAX), Buffer.alloc(LIMITS.FRAME_BYTES_MAX - 1)]);
    await inParallel(peers, 8, (peer) => Promise.race([peer.send(most), sleep(SLACK_MS)]));
    await until(() => count(peers, (peer) => !peer.open) >= peers.length - 64);
    const given = count(peers, ({ said }) => said.includes('TOO_MANY_CONNECTIONS'));
    const open = count(peers, (peer) => peer.open);
    for (const peer of peers) peer.destroy();
    const sent = Math.round((peers.length * most.length) / MIB);
    return {
      passed: given + open >= 60 && open <= 64,
      text: `${sent} MiB of frames that never end: ${given} peers told TOO_MANY_CONNECTIONS, ${open} still wait`,
      details: [tally(peers.map(({ how }) => how ?? 'open'))],
    };
  },

  'names of the prototypes of objects': async (target, { role }) => {
    if (role !== 'broker') return undefined;
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'];
    const asked = names.flatMap((topic) => [
      ['TOPIC_DESCRIBE', { topic }],
      ['TOPIC_CREATE', { topic, queues: 1 }],
      ['TOPIC_DESCRIBE', { topic }],
      ['GROUP_DESCRIBE', { group: topic }],
      ['TOPIC_REMOVE', { topic }],
    ]);
    const peer = new Peer(target);
    await peer.send(greeted(Buffer.alloc(0)));
    for (const [i, [name, header]] of asked.entries()) {
      await peer.send(request(name, header, 3 + 2 * i));
      await until(() => peer.said.length > i + 1 || !peer.open);
    }
    peer.destroy();
    const expected = names.flatMap(() => ['TOPIC_NOT_FOUND', 'ok', 'ok', 'GROUP_NOT_FOUND', 'ok']);
    return {
      passed: peer.said.slice(1).join() === expected.join(),
      text: `${names.length} names are topics and groups like any other`,
      details: [peer.said.join()],
    };
  },

  'questions whose answers nobody reads': async (target, { role }) => {
    const question = role === 'nameserver' ? ['ROUTE_QUERY', { all: true }] : ['TOPIC_LIST', {}];
    const all = Array.from({ length: 3_000 }, (_, i) => request(question[0], question[1], 3 + 2 * i));
    return unread(target, all, 20);
  },

  'pulls whose answers nobody reads': async (target, { role, topic }) => {
    if (role !== 'broker') return undefined;
    const topics = [{ topic, queues: [0, 1, 2, 3].map((queue) => ({ queue, offset: 0 })) }];
    return unread(
      target,
      Array.from({ length: 500 }, (_, i) => request('PULL', { poll: i + 1, topics }, 3 + 2 * i)),
      20,
    );
  },

  'sends whose acknowledgements nobody reads': async (target, { role }) => {
    if (role !== 'broker') return undefined;
    // No batch at all: each SEND is refused, and a refusal is the longer answer.
    return unread(
      target,
      Array.from({ length: 60_000 }, (_, i) => request('SEND', { topic: 'none', queue: 0 }, 3 + 2 * i)),
      10,
    );
  },
};

/** Peers send all that they can, read nothing, and must be ended when they have been silent, or did not read, for too long. */
async function unread(target, requests, number) {
  const startMs = performance.now();
  const peers = await openPeers(target, number, { reads: false }, { idleMs: SHORT_IDLE_MS });
  const data = bytes(requests);
  const taken = peers.map((peer) => Promise.race([peer.send(data), sleep(1_500).then(() => false)]));
  const whole = count(await Promise.all(taken), Boolean);
  // The end of a connection that is not read is not seen before it is: the kernel still has bytes for it.
  const awayMs = SHORT_IDLE_MS + CLOSE_MS + AWAY_MS;
  await sleep(Math.max(0, awayMs - (performance.now() - startMs)));
  for (const peer of peers) peer.read();
  await Promise.all(peers.map((peer) => peer.endedWithin(SLACK_MS)));
  const open = count(peers, (peer) => peer.open);
  const received = peers.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0) / MIB;
  for (const peer of peers) peer.destroy();
  return {
    passed: open === 0 && peers.length === number,
    text: `${number} peers read nothing for ${(awayMs / 1000).toFixed(0)} s and were ended; ${whole} were read to the end of their requests, ${received.toFixed(1)} MiB were written for them`,
    details: [`${open} still open`],
  };
}

if (parentPort !== null) {
  const { target, context, seed, only } = workerData;
  parentPort.postMessage({ kind: 'slack', ms: SLACK_MS });
  const dice = new Dice(seed);
  const tools = { ended, until, tally, count, slackMs: SLACK_MS };
  // Peers that do not answer a close are dropped after its deadline.
  const webMs = CLOSE_MS + SLACK_MS;
  const others = {
    http: () => httpAttacks(ended, SLACK_MS),
    websocket: () => webAttacks({ ...tools, until: (holds) => until(holds, webMs), slackMs: webMs }),
    secured: () => loginAttacks({ ...tools, ...context.secured }),
  };
  const attacks = others[context.role]?.() ?? ATTACKS;
  for (const [name, attack] of Object.entries(attacks)) {
    if (only !== undefined && !`${context.role}: ${name}`.includes(only)) continue;
    parentPort.postMessage({ kind: 'begins', name });
    const startMs = performance.now();
    const verdict = await attack(target, { ...context, dice }).catch((error) => ({
      passed: false,
      text: `broke off: ${error.stack}`,
    }));
    parentPort.postMessage({ kind: 'ended', name, ms: performance.now() - startMs, verdict });
  }
}

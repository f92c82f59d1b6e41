// What hostile peers try against the port of metrics and health (`qanat broker --http`).
import { connect } from 'node:net';
import { bytes, inParallel, Peer } from './hostile-peer.mjs';
import { sleep } from './processes.mjs';

/** CONNECTIONS_MAX and REQUEST_TIMEOUT_MS of that port (docs/limits.md). */
const CONNECTIONS_MAX = 64;
const TIMEOUT_MS = 10_000;
/** Node looks for what is overdue so often. */
const LOOK_MS = 1_000;

const get = (path, headers = '') => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: qanat\r\n${headers}\r\n`);

/** @returns whether the port answers a monitoring system in time. */
async function answers({ host, port }, withinMs) {
  const socket = connect({ host, port });
  socket.on('error', () => undefined);
  socket.write(get('/healthz', 'Connection: close\r\n'));
  const chunks = [];
  const whole = (async () => {
    for await (const chunk of socket) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  })().catch(() => '');
  const text = await Promise.race([whole, sleep(withinMs).then(() => '')]);
  socket.destroy();
  return text.startsWith('HTTP/1.1 200') && text.includes('ok\n');
}

/** Tries again: those who held the port's connections may take a moment to be ended. */
async function served(target, slackMs, verdict) {
  const startMs = performance.now();
  let ok = false;
  while (!ok && performance.now() - startMs < slackMs) ok = await answers(target, slackMs);
  return { ...verdict, passed: verdict.passed && ok, text: `${verdict.text}; /healthz ${ok ? 'answers' : 'does not answer'}` };
}

/** @param ended makes peers send bytes and waits until each is ended. @param slackMs what is due at once may take so long. */
export function httpAttacks(ended, slackMs) {
  const overdue = { withinMs: TIMEOUT_MS + LOOK_MS + slackMs, width: CONNECTIONS_MAX };
  const checked = (attack) => async (target, context) => served(target, slackMs, await attack(target, context));
  const random = (dice, length) => Buffer.from(Array.from({ length }, () => dice.below(256)));
  return {
    'random bytes': checked((target, { dice }) =>
      ended(
        target,
        Array.from({ length: 100 }, () => random(dice, 1 + dice.below(4_096))),
        { ...overdue, finish: true },
      ),
    ),
    'headers without end': checked((target) =>
      ended(target, [get('/', `X: ${'x'.repeat(65_536)}\r\n`), get('/', 'X: x\r\n'.repeat(20_000))], {}),
    ),
    'a body that never comes': checked((target) =>
      ended(
        target,
        Array.from({ length: 8 }, () =>
          Buffer.from('POST /metrics HTTP/1.1\r\nHost: qanat\r\nContent-Length: 999999999\r\n\r\n'),
        ),
        overdue,
      ),
    ),
    'a crowd that says nothing': checked(async (target) => {
      const crowd = await inParallel(Array.from({ length: 500 }), 100, async () => {
        const peer = new Peer(target);
        await peer.send(Buffer.from('G'));
        return peer;
      });
      await sleep(500);
      const held = crowd.filter((peer) => peer.open).length;
      await Promise.all(crowd.map((peer) => peer.endedWithin(overdue.withinMs)));
      const open = crowd.filter((peer) => peer.open).length;
      for (const peer of crowd) peer.destroy();
      return {
        passed: held <= CONNECTIONS_MAX && open === 0,
        text: `of ${crowd.length} peers ${held} were taken (at most ${CONNECTIONS_MAX}), ${open} stayed beyond the time for a request`,
      };
    }),
    'requests whose answers nobody reads': checked(async (target) => {
      const data = bytes(Array.from({ length: 2_000 }, () => get('/metrics')));
      const peers = await inParallel(Array.from({ length: 20 }), 20, async () => {
        const peer = new Peer(target, { reads: false });
        await Promise.race([peer.send(data), sleep(500)]);
        return peer;
      });
      await sleep(TIMEOUT_MS + LOOK_MS + Math.min(slackMs, 8_000));
      for (const peer of peers) peer.read();
      await Promise.all(peers.map((peer) => peer.endedWithin(slackMs)));
      const open = peers.filter((peer) => peer.open).length;
      const mib = peers.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0) / 2 ** 20;
      for (const peer of peers) peer.destroy();
      return {
        passed: open === 0,
        text: `${peers.length} peers ended, ${open} still open, ${mib.toFixed(1)} MiB were written for them`,
      };
    }),
  };
}

// What hostile peers try against a server with TLS and users.
import { Buffer } from 'node:buffer';
import { pbkdf2Sync } from 'node:crypto';
import { connect as connectTls } from 'node:tls';
import { AuthOk, LIMITS, ScramClient } from '@qanat/core';
import { bytes, claim, hello, inParallel, Peer, PREFACE, request } from './hostile-peer.mjs';

const SCRAM = 1;
const FEATURE = { features: [1] };
const TLS_HANDSHAKE_MS = 10_000;
/** What a server waits before it answers a login that failed. */
const DELAY_MS = 1_000;
const CLIENT_HELLO = Buffer.from(
  '16030100f8010000f40303a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9020',
  'hex',
);

/** @param user who may log in: `name`, `password`. @param ca of the server's certificate, PEM. */
export function loginAttacks({ until, tally, count, slackMs, ca, user }) {
  const secure = (socket) => connectTls({ socket, ca, servername: 'localhost' });
  const open = () => new Peer(current, { secure });
  let current;

  async function greeted(header = FEATURE) {
    const peer = open();
    await peer.send(bytes([PREFACE, hello(header)]));
    await until(() => peer.said.length > 0 || !peer.open);
    return peer;
  }

  /** @returns whether the peer got in. */
  async function logIn(peer, name, password) {
    const scram = new ScramClient(name, password, Math.random().toString(36).slice(2));
    const said = peer.said.length;
    await peer.send(request('AUTH', { mechanism: SCRAM, data: scram.first() }, 3));
    await until(() => peer.said.length > said || !peer.open);
    const { salt, iterations } = scram.serverFirst(Buffer.from(AuthOk.decode(peer.answer).data).toString());
    const sentMs = performance.now();
    await peer.send(
      request('AUTH', { mechanism: SCRAM, data: scram.final(pbkdf2Sync(password, salt, iterations, 32, 'sha256')) }, 5),
    );
    await until(() => peer.said.length > said + 1 || !peer.open);
    return { ms: performance.now() - sentMs, code: peer.said.at(said + 1) };
  }

  /** Each peer sends its bytes behind HELLO, hears the code and is ended. */
  async function refused(data, code, header) {
    const peers = await inParallel(data, 20, async (chunk) => {
      const peer = await greeted(header);
      await peer.send(chunk);
      await peer.endedWithin(slackMs);
      peer.destroy();
      return peer;
    });
    const right = count(peers, (peer) => !peer.open && peer.said.includes(code));
    return {
      passed: right === peers.length,
      text: `${right} of ${peers.length} heard ${code} and were ended`,
      details: [tally(peers.flatMap(({ said }) => said))],
    };
  }

  /** A byte a second until the server ends it. @returns after how many ms it did. */
  async function slowly(peer, data, withinMs) {
    const startMs = performance.now();
    for (let i = 0; peer.open && performance.now() - startMs < withinMs + slackMs; i++) {
      await peer.send(data.subarray(i % data.length, (i % data.length) + 1));
      await peer.endedWithin(1_000);
    }
    const ms = peer.open ? Number.POSITIVE_INFINITY : performance.now() - startMs;
    peer.destroy();
    return ms;
  }

  const attacks = {
    'TLS handshakes that never end': async () => {
      const peers = await inParallel(Array.from({ length: 300 }), 100, async () => {
        const peer = new Peer(current);
        await peer.send(CLIENT_HELLO);
        return peer;
      });
      await Promise.all(peers.map((peer) => peer.endedWithin(TLS_HANDSHAKE_MS + slackMs)));
      const ended = count(peers, (peer) => !peer.open);
      for (const peer of peers) peer.destroy();
      return { passed: ended === peers.length, text: `${ended} of ${peers.length} were ended` };
    },
    'no TLS': async () => {
      const peers = await inParallel([PREFACE, Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(64)], 3, async (data) => {
        const peer = new Peer(current);
        await peer.send(data);
        await peer.endedWithin(slackMs);
        peer.destroy();
        return peer;
      });
      return { passed: count(peers, (peer) => peer.open) === 0, text: `${peers.length} peers without TLS were ended` };
    },
    'no login': () =>
      refused(
        [
          request('TOPIC_LIST', {}, 3),
          request('SEND', { topic: 't' }, 3),
          request('PULL', { topics: [{ topic: 't', queues: [{ queue: 0 }] }] }, 3),
        ],
        'UNAUTHENTICATED',
      ),
    'a HELLO that does not know of logins': () => refused([Buffer.alloc(0)], 'UNAUTHENTICATED', {}),
    'an oversized frame before the login': () => refused([claim(LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX + 1)], 'FRAME_TOO_LARGE'),
    'logins that are none': () =>
      refused(
        ['', 'n,,', 'p=tls-exporter,,n=a,r=b', 'n,,n=__proto__,r=x,x=1', `n,,n=${'a'.repeat(3_000)},r=b,`].map((text) =>
          request('AUTH', { mechanism: SCRAM, data: Buffer.from(text) }, 3),
        ),
        'AUTH_FAILED',
      ),
    '300 wrong passwords': async () => {
      const tries = await inParallel(Array.from({ length: 300 }), 60, async (_, i) => {
        const peer = await greeted();
        const { ms, code } = await logIn(peer, i % 3 === 0 ? `nobody-${i}` : user.name, `wrong-${i}`);
        await peer.endedWithin(slackMs);
        peer.destroy();
        return { ms, code, open: peer.open };
      });
      const right = count(tries, ({ ms, code, open: still }) => code === 'AUTH_FAILED' && ms >= DELAY_MS - 50 && !still);
      return {
        passed: right === tries.length,
        text: `${right} of ${tries.length} heard AUTH_FAILED, after a second at least`,
        details: [tally(tries.map(({ code }) => code))],
      };
    },
    'a crowd that never logs in': async () => {
      const crowd = await inParallel(Array.from({ length: 600 }), 100, () => greeted());
      const late = await greeted();
      const { code } = await logIn(late, user.name, user.password);
      late.destroy();
      await Promise.all(crowd.map((peer) => peer.endedWithin(LIMITS.AUTH_DEADLINE_MS + slackMs)));
      const open = count(crowd, (peer) => peer.open);
      for (const peer of crowd) peer.destroy();
      return {
        passed: open === 0 && code === 'ok',
        text: `of ${crowd.length} peers ${crowd.length - open} were ended (${tally(crowd.flatMap(({ said }) => said.slice(1)))}), and one behind them logged in: ${code}`,
      };
    },
    'one byte a second in every state': async () => {
      const [tls, first, login] = await Promise.all([
        slowly(new Peer(current), CLIENT_HELLO, TLS_HANDSHAKE_MS),
        slowly(open(), bytes([PREFACE, hello(FEATURE)]), LIMITS.HELLO_DEADLINE_MS),
        greeted().then((peer) =>
          slowly(peer, request('AUTH', { mechanism: SCRAM, data: Buffer.from('n,,n=a,r=b') }, 3), LIMITS.AUTH_DEADLINE_MS),
        ),
      ]);
      const text = (ms) => `${(ms / 1000).toFixed(1)} s`;
      return {
        passed:
          tls <= TLS_HANDSHAKE_MS + slackMs &&
          first <= LIMITS.HELLO_DEADLINE_MS + slackMs &&
          login <= LIMITS.AUTH_DEADLINE_MS + slackMs,
        text: `ended in the handshake of TLS after ${text(tls)}, in HELLO after ${text(first)}, in AUTH after ${text(login)}`,
      };
    },
  };
  const at = (attack) => (target) => {
    current = target;
    return attack();
  };
  return Object.fromEntries(Object.entries(attacks).map(([name, attack]) => [name, at(attack)]));
}

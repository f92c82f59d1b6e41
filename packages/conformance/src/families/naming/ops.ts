import { isObject, type Json, type JsonObject } from '../../json.ts';
import { CLIENT_OPS } from '../../play/client-ops.ts';
import type { Op } from '../../play/family.ts';
import type { Play } from '../../play/play.ts';
import { flagOf, listOf, numberOf, type Step, textOf } from '../../play/program.ts';
import { SERVER_OPS } from '../../play/server-ops.ts';

/** A connection that is silent for long is closed (QNT-KAL-001): whoever waits says something now and then. */
const PING_EACH_MS = 15_000;
/** Waits of one program on real time, all together. */
const REAL_WAIT_MS_MAX = 9_000;

const run = async (play: Play, op: string, step: JsonObject): Promise<void> => SERVER_OPS[op]?.(play, { ...step, op } as Step);

/** The connection that a step means, among those that are open; one is made where there is none. */
async function connectionOf(play: Play, step: JsonObject): Promise<number> {
  const open = play.connections.flatMap(({ state }, i) => (state === 'open' ? [i] : []));
  if (open.length === 0) {
    await run(play, 'open', {});
    return play.connections.length - 1;
  }
  return typeof step.c === 'number' ? (open[step.c % open.length] as number) : (open.at(-1) as number);
}

const request = async (play: Play, step: JsonObject, frame: string, header: JsonObject): Promise<void> =>
  run(play, 'request', { c: await connectionOf(play, step), frame, header, wait: flagOf(step, 'wait', true) });

/** The id of a store by number: 0 is one of sixteen bytes 01. */
const storeOf = (number: number): JsonObject => ({ $hex: (number + 1).toString(16).padStart(2, '0').repeat(16) });

const endpointOf = (host: number): JsonObject => ({ listener: 'default', scheme: 'qanat', address: `10.0.0.${host + 1}:7610` });

/** What the kit says of a broker: `broker`, `store`, `term`, `revision`, `topics` as `[[name, queues], …]`, `host`, `creates`. */
const registrationOf = (step: JsonObject): JsonObject => ({
  broker: textOf(step, 'broker', '~b0'),
  cluster: textOf(step, 'cluster', 'default'),
  storeId: storeOf(numberOf(step, 'store', 0)),
  term: numberOf(step, 'term', 1),
  revision: numberOf(step, 'revision', 1),
  endpoints: [endpointOf(numberOf(step, 'host', 0))],
  createsTopics: flagOf(step, 'creates'),
  software: 'kit',
});

/** Registers a broker. `frames`: its topics in so many frames; `send`: only so many of them are sent. */
const register: Op = async (play, step) => {
  const c = await connectionOf(play, step);
  const topics = listOf(step, 'topics').map((one) => ({ topic: (one as Json[])[0] ?? '', queues: (one as Json[])[1] ?? 1 }));
  const frames = Math.max(1, numberOf(step, 'frames', 1));
  const correlation = play.connection(c)?.nextCorrelation() ?? 1;
  const sent = Math.min(frames, numberOf(step, 'send', frames));
  for (let i = 0; i < sent; i++) {
    const last = i === frames - 1;
    const part = topics.filter((_, at) => Math.floor((at * frames) / topics.length) === i);
    const header = { ...(i === 0 ? registrationOf(step) : {}), topics: part };
    const wait = last && flagOf(step, 'wait', true);
    await run(play, 'request', { c, correlation, frame: 'REGISTER_BROKER', flags: last ? [] : ['MORE'], header, wait });
  }
  play.kept.set(`registered ${textOf(step, 'broker', '~b0')}`, step);
};

/** A heartbeat of what was registered last under the name, but for `change`: `store`, `term` or `revision`. */
const heartbeat: Op = async (play, step) => {
  const broker = textOf(step, 'broker', '~b0');
  const kept = play.kept.get(`registered ${broker}`);
  const known = isObject(kept) ? kept : {};
  const change = textOf(step, 'change');
  await request(play, step, 'BROKER_HEARTBEAT', {
    broker,
    storeId: storeOf(numberOf(known, 'store', 0) + (change === 'store' ? 1 : 0)),
    term: numberOf(known, 'term', 1) + (change === 'term' ? 1 : 0),
    revision: numberOf(known, 'revision', 1) + (change === 'revision' ? 1 : 0),
  });
};

const unregister: Op = (play, step) =>
  request(play, step, 'UNREGISTER_BROKER', {
    broker: textOf(step, 'broker', '~b0'),
    storeId: storeOf(numberOf(step, 'store', 0)),
  });

/** Asks for routes: `topics`, `all`, `watch`. */
const query: Op = (play, step) =>
  request(play, step, 'ROUTE_QUERY', {
    topics: listOf(step, 'topics'),
    all: flagOf(step, 'all'),
    watch: flagOf(step, 'watch'),
  });

const manyNames = (step: Step): string[] => {
  const from = numberOf(step, 'from', 0);
  return Array.from({ length: numberOf(step, 'count', 1) }, (_, i) => `~w${from + i}`);
};

/** Watches `count` topics with the names `w<from>` and so on, in one request. */
const watchMany: Op = (play, step) => request(play, step, 'ROUTE_QUERY', { topics: manyNames(step), watch: true });

/** Registers a broker with `count` topics of one queue, `perFrame` in each frame. */
const registerMany: Op = async (play, step) => {
  const topics = manyNames(step).map((name) => [name, 1]);
  await register(play, { ...step, topics, frames: Math.ceil(topics.length / numberOf(step, 'perFrame', 1_000)) });
};

/** Lets time pass, with PING on every connection; on real time a program waits only so long. */
const wait: Op = async (play, step) => {
  let leftMs = numberOf(step, 'ms', 0);
  if (play.ground.timing === 'real') {
    const spent = Number(play.kept.get('waited') ?? 0);
    leftMs = Math.min(leftMs, REAL_WAIT_MS_MAX - spent);
    play.kept.set('waited', spent + leftMs);
  }
  while (leftMs > 0) {
    const ms = Math.min(leftMs, PING_EACH_MS);
    await play.pass(ms);
    leftMs -= ms;
    for (const [c, { state }] of play.connections.entries())
      if (state === 'open') await run(play, 'request', { c, frame: 'PING', header: {}, wait: false });
  }
};

/** Ends one of the connections that are open, or breaks it off (`reset`). */
const close: Op = async (play, step) => run(play, 'close', { ...step, c: await connectionOf(play, step) });

/** Makes `count` topics with names of sixty bytes and more at a broker under test. */
const createMany: Op = async (play, step) => {
  const names = Array.from({ length: numberOf(step, 'count', 1) }, (_, i) => `~${'x'.repeat(60)}${i}`);
  for (const [i, topic] of names.entries())
    await run(play, 'request', {
      frame: 'TOPIC_CREATE',
      header: { topic, queues: 1 },
      wait: i % 100 === 99 || i === names.length - 1,
    });
};

/** A broker under test ends and begins again; nobody meddles with its registrations then. */
const again =
  (how: string): Op =>
  async (play) => {
    play.cluster?.meddler.rules.splice(0);
    await run(play, how, {});
  };

/** Names the NameServers of the kit, for the checkers. */
const nameServers: Op = async (play) => play.note('nameServers', [...(play.cluster?.nameServerNames ?? [])]);

const { killNode, stopNode, startNode, hangNode, resumeNode, breakOff, meddle, leaveAlone, awaitFrame } = CLIENT_OPS;

/** A server of the kit, which is a NameServer for a broker under test. */
const atNameServer =
  (op: Op | undefined): Op =>
  async (play, step) =>
    op?.(play, { ...step, of: 'nameserver' });

export const NAMING_OPS: Readonly<Record<string, Op>> = {
  register,
  heartbeat,
  unregister,
  query,
  watchMany,
  registerMany,
  wait,
  close,
  createMany,
  killSubject: again('kill'),
  restartSubject: again('restart'),
  nameServers,
  killNode: atNameServer(killNode),
  stopNode: atNameServer(stopNode),
  startNode: atNameServer(startNode),
  hangNode: atNameServer(hangNode),
  resumeNode: atNameServer(resumeNode),
  breakOff: atNameServer(breakOff),
  meddle: meddle as Op,
  leaveAlone: leaveAlone as Op,
  awaitFrame: awaitFrame as Op,
};

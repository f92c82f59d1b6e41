import type { LiveFrame } from '@qanat/core';
import { isObject, type JsonObject } from '../../json.ts';
import type { Op } from '../../play/family.ts';
import { ANSWER_MS, HarnessError, type Play } from '../../play/play.ts';
import { flagOf, listOf, numberOf, objectOf, type Step, textOf } from '../../play/program.ts';
import { groupsOf, type HeldLease, type KitMember, offsetsOf } from './kit-member.ts';
import { answerOf, connect, operate, send } from './kit-requests.ts';

const OPEN_MS = 2_000;
const RESTART_MS = 60_000;
/** A member that cannot reach the broker tries again so soon. */
const AGAIN_MS = 250;
const HEARTBEAT_MS = 3_000;
/** Groups of generated programs, by number: each has a strategy of its own. */
const STRATEGIES = [0, 1, 2];

const ask: Op = async (play, step) => {
  await operate(
    play,
    textOf(step, 'frame', 'PING') as LiveFrame,
    objectOf(step, 'header'),
    objectOf(step, 'payload'),
    flagOf(step, 'wait', true),
  );
};

// ---- topics ----

async function makeTopic(play: Play, topic: string, queues: number): Promise<void> {
  const answer = await operate(play, 'TOPIC_CREATE', { topic, queues });
  if (isObject(answer)) groupsOf(play).queues.set(topic, numberOf(answer, 'queues', queues));
}

const topic: Op = (play, step) => makeTopic(play, textOf(step, 'topic', '~t'), numberOf(step, 'queues', 4));

/** Adds queues to a topic. */
const grow: Op = async (play, step) => {
  const name = textOf(step, 'topic', '~t');
  const had = groupsOf(play).queues.get(name);
  if (had === undefined) return;
  const answer = await operate(play, 'TOPIC_ALTER', { topic: name, queues: had + numberOf(step, 'by', 1) });
  if (isObject(answer)) groupsOf(play).queues.set(name, numberOf(answer, 'queues', had));
};

/** Stores so many messages in a queue. */
const fill: Op = async (play, step) => {
  const name = textOf(step, 'topic', '~t');
  const queues = groupsOf(play).queues.get(name);
  if (queues === undefined) return;
  const batch = { batch: { count: numberOf(step, 'count', 1) } };
  await operate(play, 'SEND', { topic: name, queue: numberOf(step, 'queue', 0) % queues }, batch);
};

// ---- members ----

/** How a step names its group: `g` is a name, or a number of the groups of generated programs. */
const groupName = (play: Play, step: Step): string =>
  play.value(typeof step.g === 'string' ? step.g : `~g${numberOf(step, 'g', 0) % STRATEGIES.length}`) as string;

const memberId = (step: Step): string => (typeof step.m === 'string' ? step.m : `m${numberOf(step, 'm', 0)}`);

const memberOf = (play: Play, step: Step): KitMember | undefined => {
  const { members } = groupsOf(play);
  if (typeof step.m !== 'string' && step.g === undefined) return groupsOf(play).member(step.m);
  return members.find(({ group, id }) => group === groupName(play, step) && id === memberId(step));
};

function subscriptionOf(step: Step): JsonObject {
  const topics = listOf(step, 'topics').map((one) => (typeof one === 'string' ? { topic: one } : one));
  const strategy = typeof step.g === 'number' ? (STRATEGIES[step.g % STRATEGIES.length] ?? 0) : 0;
  return {
    kind: numberOf(step, 'kind', 0),
    strategy: numberOf(step, 'strategy', strategy),
    version: numberOf(step, 'version', 1),
    topics: topics.length > 0 ? topics : [{ topic: '~t' }],
    from: numberOf(step, 'from', 0),
    fromTimeMs: numberOf(step, 'fromTimeMs', 0),
  };
}

/**
 * A member comes, or comes again with another subscription: `g`, `m`, `label`, `session`, and what a subscription has. Topics of
 * generated programs are made where they are missing.
 */
const join: Op = async (play, step) => {
  const groups = groupsOf(play);
  if (typeof step.g !== 'string' && !groups.queues.has('~t')) await makeTopic(play, '~t', 4);
  const known = memberOf(play, { g: 0, ...step });
  const member: KitMember = known ?? {
    group: groupName(play, step),
    id: memberId(step),
    label: '',
    sessionMs: 0,
    revision: 0,
    subscription: null,
    connection: undefined,
    generation: 0,
    leases: [],
    heartbeatMs: HEARTBEAT_MS,
    nextBeatMs: 0,
    joinedMs: play.nowMs(),
    tells: true,
    beats: true,
    releases: true,
  };
  if (known === undefined) groups.members.push(member);
  Object.assign(member, {
    label: textOf(step, 'label', member.label),
    sessionMs: numberOf(step, 'session', member.sessionMs),
    revision: numberOf(step, 'revision', member.revision + 1),
    subscription: subscriptionOf(step),
    tells: true,
    beats: true,
  });
  await beatOf(play, member, { wait: flagOf(step, 'wait', true) });
};

/** One heartbeat, on the member's connection or a new one. */
async function beatOf(play: Play, member: KitMember, { wait = false, header = {} as JsonObject } = {}): Promise<void> {
  const groups = groupsOf(play);
  if (member.connection?.state !== 'open') member.connection = await connect(play);
  const { connection, group, id, label, revision, generation, sessionMs, subscription } = member;
  member.nextBeatMs = play.nowMs() + (connection === undefined ? AGAIN_MS : Math.min(member.heartbeatMs, beatEvery(member)));
  if (connection === undefined) return;
  groups.read();
  const joinedAgoMs = Math.max(0, Math.floor(play.nowMs() - member.joinedMs));
  const tells = member.tells ? { subscription } : {};
  member.tells = false;
  const correlation = send(play, connection, 'CLIENT_HEARTBEAT', {
    group,
    member: id,
    label,
    revision,
    generation,
    sessionMs,
    joinedAgoMs,
    ...tells,
    ...header,
  });
  groups.asked(connection, correlation, member);
  if (wait) await answerOf(play, connection, correlation);
  groups.read();
}

/** A third of its session, before an answer tells it. */
const beatEvery = ({ sessionMs }: KitMember): number => (sessionMs === 0 ? HEARTBEAT_MS : Math.max(1, Math.floor(sessionMs / 3)));

/** A heartbeat by hand: `header` stands in place of what the member would say. */
const beat: Op = async (play, step) => {
  const member = memberOf(play, step);
  if (member === undefined) return;
  // By hand it says its subscription only where the step tells it to.
  member.tells = flagOf(step, 'tells');
  await beatOf(play, member, { wait: flagOf(step, 'wait', true), header: objectOf(step, 'header') });
};

/** Time passes, and the members do what members do: heartbeats, and RELEASE of what is RELEASING. Not those who are `mute`. */
const live: Op = async (play, step) => {
  await livingFor(play, numberOf(step, 'ms', 1_000));
  play.note('rest', {});
};

async function livingFor(play: Play, ms: number): Promise<void> {
  const groups = groupsOf(play);
  const untilMs = play.nowMs() + ms;
  for (;;) {
    await act(play);
    const nowMs = play.nowMs();
    if (nowMs >= untilMs) return;
    const beating = groups.members.filter(({ beats }) => beats);
    const dueMs = Math.min(untilMs, ...beating.map(({ nextBeatMs }) => nextBeatMs));
    await play.until(() => groups.news, Math.max(0.1, dueMs - nowMs));
  }
}

async function act(play: Play): Promise<void> {
  const groups = groupsOf(play);
  groups.read();
  for (const member of groups.members) {
    const releasing = member.leases.filter((lease) => lease.releasing);
    if (member.releases && releasing.length > 0) giveBack(play, member, releasing);
    if (member.connection?.state === 'closed') member.nextBeatMs = Math.min(member.nextBeatMs, play.nowMs());
    if (member.beats && member.nextBeatMs <= play.nowMs()) await beatOf(play, member);
  }
}

/** RELEASE of some leases, without waiting. */
function giveBack(play: Play, member: KitMember, leases: readonly HeldLease[]): number | undefined {
  const { connection, group, id } = member;
  if (connection?.state !== 'open') return undefined;
  member.leases = member.leases.filter((lease) => !leases.includes(lease));
  return send(play, connection, 'RELEASE', { group, member: id, offsets: offsetsOf(leases) });
}

/** What a member does by itself from now on: `beats`, `releases`. */
const habits: Op = async (play, step) => {
  const member = memberOf(play, step);
  if (member === undefined) return;
  member.beats = flagOf(step, 'beats', true);
  member.releases = flagOf(step, 'releases', true);
};

/** RELEASE of one lease, the `n`th; `epoch` and `offset` as the step says, by `as` another member. */
const release: Op = async (play, step) => {
  groupsOf(play).read();
  const member = memberOf(play, step);
  const lease = leaseOf(member, step);
  if (member?.connection?.state !== 'open' || lease === undefined) return;
  const [given] = offsetsOf([lease]);
  const offsets = [
    { ...given, offset: numberOf(step, 'offset', lease.position), leaseEpoch: numberOf(step, 'epoch', lease.epoch) },
  ];
  const mine = typeof step.as !== 'string' && step.epoch === undefined;
  if (mine) member.leases = member.leases.filter((one) => one !== lease);
  play.kept.set('epoch', lease.epoch);
  const header = { group: member.group, member: textOf(step, 'as', member.id), offsets };
  const correlation = send(play, member.connection, 'RELEASE', header);
  if (flagOf(step, 'wait', true)) await answerOf(play, member.connection, correlation);
};

const leaseOf = (member: KitMember | undefined, step: Step): HeldLease | undefined =>
  member?.leases[numberOf(step, 'n', 0) % Math.max(1, member.leases.length)];

/** LEAVE, with final offsets or without (`silent`). It does not come back by itself. */
const leave: Op = async (play, step) => {
  groupsOf(play).read();
  const member = memberOf(play, step);
  if (member === undefined) return;
  member.beats = false;
  if (member.connection?.state !== 'open') return;
  const offsets = flagOf(step, 'silent') ? [] : offsetsOf(member.leases);
  const correlation = send(play, member.connection, 'LEAVE', { group: member.group, member: member.id, offsets });
  // Its leases are kept for those who use them against the rules afterwards.
  if (flagOf(step, 'wait', true)) await answerOf(play, member.connection, correlation);
};

/** The member's connection is lost; with `stays` it does not open another one by itself. */
const lose: Op = async (play, step) => {
  const member = memberOf(play, step);
  if (member?.connection === undefined) return;
  const { connection } = member;
  connection.destroy();
  await play.until(() => connection.state === 'closed', OPEN_MS);
  if (flagOf(step, 'stays')) member.beats = false;
  else member.nextBeatMs = play.nowMs();
};

/** The member speaks on another connection from its next heartbeat on; the old one stays open. */
const move: Op = async (play, step) => {
  const member = memberOf(play, step);
  if (member !== undefined) member.connection = await connect(play);
};

const pullHeld: Op = async (play, step) => {
  const member = memberOf(play, step);
  groupsOf(play).read();
  if (member?.connection?.state !== 'open' || member.leases.length === 0) return;
  const topics = member.leases.map(({ topic, queue, epoch, position }) => ({
    topic,
    queues: [{ queue, offset: position, leaseEpoch: epoch }],
  }));
  const correlation = send(play, member.connection, 'PULL', { group: member.group, member: member.id, topics });
  const answer = await answerOf(play, member.connection, correlation);
  for (const result of isObject(answer) ? listOf(answer, 'results').filter(isObject) : []) {
    const lease = member.leases.find((one) => one.topic === result.topic && one.queue === (result.queue ?? 0));
    if (lease !== undefined && result.code === 0) lease.position = Math.max(lease.position, numberOf(result, 'nextOffset', 0));
  }
};

/** OFFSET_COMMIT of everything that the member holds, or believes to. */
const commitHeld: Op = async (play, step) => {
  const member = memberOf(play, step);
  if (flagOf(step, 'reads', true)) groupsOf(play).read();
  if (member?.connection?.state !== 'open' || member.leases.length === 0) return;
  const header = { group: member.group, member: member.id, offsets: offsetsOf(member.leases) };
  const correlation = send(play, member.connection, 'OFFSET_COMMIT', header);
  await answerOf(play, member.connection, correlation);
};

/** Uses everything that the member ever held, dead or not: `epochs` are kept by `remember`. */
const remember: Op = async (play, step) => {
  groupsOf(play).read();
  const member = memberOf(play, step);
  if (member !== undefined) play.kept.set(`leases ${member.id}`, offsetsOf(member.leases));
};

/** PULL and OFFSET_COMMIT under the leases that were remembered. */
const useRemembered: Op = async (play, step) => {
  const member = memberOf(play, step);
  const offsets = member === undefined ? undefined : play.kept.get(`leases ${member.id}`);
  if (member === undefined || !Array.isArray(offsets) || offsets.length === 0) return;
  const topics = offsets.filter(isObject).map(({ topic, queue, offset, leaseEpoch }) => ({
    topic: topic ?? '',
    queues: [{ queue: queue ?? 0, offset: offset ?? 0, leaseEpoch: leaseEpoch ?? 0 }],
  }));
  await operate(play, 'PULL', { group: member.group, member: member.id, topics });
  await operate(play, 'OFFSET_COMMIT', { group: member.group, member: member.id, offsets });
};

/** Waits until the member was told something new, and does nothing then. */
const awaitTold: Op = async (play, step) => {
  const groups = groupsOf(play);
  const member = memberOf(play, step);
  const had = member?.generation;
  if (member === undefined) return;
  const isNew = (): boolean => {
    groups.read();
    return member.generation !== had && member.leases.length >= numberOf(step, 'leases', 0);
  };
  await play.until(isNew, numberOf(step, 'withinMs', ANSWER_MS));
};

const describe: Op = async (play, step) => {
  await operate(play, 'GROUP_DESCRIBE', { group: groupName(play, step) });
};

// ---- the broker ----

/**
 * The broker dies and starts again on its data: `how` is kill, stop or powerloss. One that cannot be made to goes on, and so does
 * one whose answers need not survive a power cut.
 */
const die: Op = async (play, step) => {
  const how = textOf(step, 'how', 'kill') as 'kill' | 'stop' | 'powerloss';
  if (!play.driver.manifest.abilities.includes(how) || (how === 'powerloss' && play.flush !== 'sync')) return;
  if (how === 'stop') play.history.add({ kind: 'subject', what: 'stopping', id: 'subject' });
  for (const op of [how, 'start']) {
    const { ok, error } = await play.call(op, {}, RESTART_MS);
    if (error !== undefined) throw new HarnessError(`the driver could not ${op} the subject: ${error.text ?? error.kind}`);
    if (isObject(ok) && typeof ok.address === 'string') play.address = ok.address;
    const what = op === 'start' ? 'started' : op === 'stop' ? 'stopped' : 'killed';
    play.history.add({ kind: 'subject', what, id: 'subject' });
  }
};

/** A broker of the kit is killed, or starts again. */
const killBroker: Op = async (play, step) => {
  const { cluster } = play;
  if (cluster !== undefined) cluster.kill(cluster.nodeOf('broker', numberOf(step, 'broker', 0)));
};

export const GROUP_OPS: Readonly<Record<string, Op>> = {
  ask,
  topic,
  grow,
  fill,
  join,
  beat,
  live,
  habits,
  release,
  leave,
  lose,
  move,
  pullHeld,
  commitHeld,
  remember,
  useRemembered,
  awaitTold,
  describe,
  die,
  killBroker,
};

// A thousand members in one group: one leaves, one joins, and the queues must be with those who shall have them soon.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect } from '@qanat/client';
import { Cluster } from './cluster.mjs';
import { cpuMs, median, residentMib } from './measures.mjs';
import { beforeExit, sleep } from './processes.mjs';
import { seconds, until } from './trial.mjs';

const MEMBERS = fileURLToPath(new URL('./group-members.mjs', import.meta.url));
const QUICK_MEMBERS = 200;
const FULL_MEMBERS = 1_000;
const QUICK_CHANGES = 2;
const FULL_CHANGES = 5;
const PROCESSES = 2;
/** Connections of each process. */
const CLIENTS = 5;
const JOIN_MS_MAX = 60_000;
const SETTLE_MS_MAX = 2_000;
const STEADY_MS = 5_000;
const POLL_MS = 100;

export async function scaleMembers(trial) {
  const count = trial.options.full ? FULL_MEMBERS : QUICK_MEMBERS;
  const changes = trial.rounds(QUICK_CHANGES, FULL_CHANGES);
  const cluster = await new Cluster(trial).start({ brokers: ['broker-a'] });
  const client = await connect(cluster.nameServers, { label: 'operator' });
  trial.atEnd(() => client.close({ drain: false }));
  // As many queues as members: a member that leaves moves nearly all of them. And few: nearly all members are idle.
  await tryGroup(trial, cluster, client, { name: 'wide', queues: count, count, changes });
  await tryGroup(trial, cluster, client, { name: 'narrow', queues: 8, count, changes });
}

async function tryGroup(trial, cluster, client, { name, queues, count, changes }) {
  await client.admin.createTopic(name, { queues });
  const { pid } = cluster.server('broker-a');
  const startedMs = performance.now();
  const processes = await Promise.all(
    Array.from({ length: PROCESSES }, (_, i) => startMembers(trial, cluster, name, Math.floor(count / PROCESSES), i)),
  );
  const size = Math.floor(count / PROCESSES) * PROCESSES;
  const joined = await settled(client, name, size, queues, JOIN_MS_MAX, startedMs);
  const text = `${size} members, ${queues} queues`;
  trial.check(joined !== undefined, `${text}: all joined and the queues are divided after ${seconds(joined?.ms)}`);
  await sleep(STEADY_MS);
  const beforeMs = cpuMs(pid);
  await sleep(STEADY_MS);
  const used = (cpuMs(pid) - beforeMs) / STEADY_MS;
  const steady = `${(used * 100).toFixed(1)} % of a processor, ${residentMib(pid).toFixed(0)} MiB`;
  trial.note(`${text}: the broker takes ${steady} while nothing changes`);
  const times = { leave: [], join: [] };
  for (let i = 0; i < changes; i++) {
    // From the first of them in the order of labels to the last: the earlier, the more queues move.
    const number = Math.floor((i * (size - 1)) / Math.max(1, changes - 1));
    const holder = processes[Math.floor(number / (size / PROCESSES))];
    for (const [kind, members] of [
      ['leave', size - 1],
      ['join', size],
    ]) {
      const sinceMs = performance.now();
      await holder.command(`${kind} ${number}`);
      const done = await settled(client, name, members, queues, 10 * SETTLE_MS_MAX, sinceMs);
      times[kind].push(done?.ms ?? Number.POSITIVE_INFINITY);
      await sleep(500);
    }
    trial.progress(`${name}: ${i + 1} of ${changes} members left and came back`);
  }
  for (const kind of ['leave', 'join']) {
    const worst = Math.max(...times[kind]);
    const figures = `median ${seconds(median(times[kind]))}, slowest ${seconds(worst)} (at most ${seconds(SETTLE_MS_MAX)})`;
    trial.check(worst <= SETTLE_MS_MAX, `${text}: a ${kind} settles: ${figures}`);
  }
  trial.figure(name, { members: size, queues, joinedMs: joined?.ms, processorShare: used, residentMib: residentMib(pid), times });
  await Promise.all(processes.map((one) => one.end()));
}

/**
 * Waits until so many members are there and every queue is held by one of them, none is being handed over, and shares differ by
 * one at most.
 */
function settled(client, group, members, queues, withinMs, sinceMs) {
  const look = async () => {
    const description = await client.admin.describeGroup(group).catch(() => undefined);
    if (description === undefined || description.members.length !== members) return undefined;
    const held = new Map(description.members.map(({ id }) => [id, 0]));
    if (description.queues.length !== queues) return undefined;
    for (const { member, state } of description.queues) {
      if (!held.has(member) || state === 'releasing') return undefined;
      held.set(member, held.get(member) + 1);
    }
    const counts = [...held.values()];
    return Math.max(...counts) - Math.min(...counts) <= 1 ? true : undefined;
  };
  return until(look, { withinMs, sinceMs, everyMs: POLL_MS });
}

async function startMembers(trial, cluster, group, count, i) {
  const args = [cluster.nameServers, group, group, String(count), String(i * count), String(CLIENTS)];
  const child = spawn(process.execPath, [MEMBERS, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const kill = () => child.kill('SIGKILL');
  beforeExit(kill);
  trial.atEnd(async () => kill());
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const waiting = [];
  createInterface({ input: child.stdout }).on('line', (line) => line === 'done' && waiting.shift()?.());
  const done = () => Promise.race([new Promise((resolve) => waiting.push(resolve)), ended]);
  await done();
  return {
    async command(line) {
      child.stdin.write(`${line}\n`);
      await done();
    },
    async end() {
      kill();
      await ended;
    },
  };
}

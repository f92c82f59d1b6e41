// Groups of a master and a slave: what they are now, as the command line tells, and how long producers had to wait for them.
import { until } from './trial.mjs';

/** Of two groups. */
export const GROUPS = ['broker-a', 'broker-b'];
export const serverOf = (group, replica) => `${group}/${replica}`;
export const SERVERS = [0, 1].flatMap((replica) => GROUPS.map((group) => serverOf(group, replica)));

/** From a kill until the last queue of the group takes messages again. */
export const OUTAGE_MS_MAX = 8_000;
const COMES_TO_BE_MS = 25_000;
const LOOK_MS = 200;

export class Replicas {
  #cluster;

  constructor(cluster) {
    this.#cluster = cluster;
  }

  /** What `cluster status` says of a group; undefined where it says nothing. */
  async describe(group) {
    const { code, output } = await this.#cluster.qanat('cluster', 'status', '-o', 'json');
    if (code !== 0) return undefined;
    return JSON.parse(output).groups.find((one) => one.group === group);
  }

  /** The masters that answer: one, if all is well. */
  async masters(group) {
    const description = await this.describe(group);
    return (description?.replicas ?? []).filter(({ role }) => role === 'master').map(({ replica }) => replica);
  }

  /** Waits until another one than `not` is the only master. @returns its number. */
  async master(group, { not, withinMs = COMES_TO_BE_MS } = {}) {
    const look = async () => {
      const [master, ...more] = await this.masters(group);
      return master === undefined || more.length > 0 || master === not ? undefined : { master };
    };
    const found = await until(look, { withinMs, everyMs: LOOK_MS });
    if (found === undefined) throw new Error(`${group} has no master after ${withinMs} ms`);
    return found.value.master;
  }

  /** Waits until `count` replicas are in sync with one master. @returns how long it took. */
  async inSync(group, { count = 2, withinMs = COMES_TO_BE_MS } = {}) {
    const look = async () => {
      const { replicas = [] } = (await this.describe(group)) ?? {};
      const masters = replicas.filter(({ role }) => role === 'master');
      return masters.length === 1 && replicas.filter(({ inSync }) => inSync).length === count ? true : undefined;
    };
    const found = await until(look, { withinMs, everyMs: LOOK_MS });
    if (found === undefined) throw new Error(`${group} has not ${count} replicas in sync after ${withinMs} ms`);
    return found.ms;
  }

  /** All groups have everything twice. */
  async allInSync() {
    for (const group of GROUPS) await this.inSync(group);
  }
}

/** The longest time without an acknowledgement of each queue of a group, around a fault. */
export function outages(traffics, group, { fromMs, toMs }) {
  const times = new Map();
  for (const { acked } of traffics) {
    for (const { place, ackedMs } of acked.values()) {
      if (!place.startsWith(`${group}/`)) continue;
      if (!times.has(place)) times.set(place, []);
      times.get(place).push(ackedMs);
    }
  }
  return [...times.values()].map((list) => longestGap(list, fromMs, toMs));
}

function longestGap(times, fromMs, toMs) {
  let last = fromMs;
  let longest = 0;
  for (const atMs of [...times.filter((one) => one > fromMs && one < toMs).sort((a, b) => a - b), toMs]) {
    longest = Math.max(longest, atMs - last);
    last = atMs;
  }
  return longest;
}

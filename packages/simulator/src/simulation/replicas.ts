import { ENTRY_AT, type ReplicationFigures, readUint32 } from '@qanat/core';
import { type ClusterHosts, replicaOf } from '../cluster-hosts.ts';
import type { MemoryStorage } from '../memory-storage.ts';

const SEGMENT_HEADER_BYTES = 64;

/** The replicas of each broker group of a cluster, seen from outside: by what they say of themselves, and by their disks. */
export class Replicas {
  /** The nodes of each group. */
  readonly groups: readonly (readonly string[])[];
  readonly #hosts: ClusterHosts;

  constructor(hosts: ClusterHosts) {
    const names = [...new Set(hosts.brokerNames.map((node) => replicaOf(node).group))];
    this.groups = names.map((name) => hosts.brokerNames.filter((node) => replicaOf(node).group === name));
    this.#hosts = hosts;
  }

  /** Every group has one master, with which all its replicas are in sync. */
  get together(): boolean {
    return this.groups.every((nodes) => this.#apart(nodes) === undefined);
  }

  /** The node is master, and its term has begun. */
  leads(node: string): boolean {
    return leads(this.figures(node));
  }

  figures(node: string): ReplicationFigures | undefined {
    return this.#hosts.brokers.get(node)?.engine.figures().replication;
  }

  /** Why the replicas of a group do not have the same: by what they say, or else by what is committed on their disks. */
  disagreement(): string | undefined {
    const found = this.groups.map((nodes) => this.#apart(nodes) ?? this.#differ(nodes));
    return found.find((why) => why !== undefined);
  }

  #apart(nodes: readonly string[]): string | undefined {
    const figures = nodes.map((node) => this.figures(node));
    const masters = figures.filter(leads);
    const [master] = masters;
    const isTogether =
      masters.length === 1 && master?.inSync === nodes.length && figures.every((one) => one?.committed === master.committed);
    if (isTogether) return undefined;
    const states = figures.map((one) => (one === undefined ? 'down' : `${one.state} to ${one.committed}, in sync ${one.inSync}`));
    return `the replicas of ${nodes[0]} do not come together: ${states.join('; ')}`;
  }

  #differ(nodes: readonly string[]): string | undefined {
    const [first, ...others] = nodes.map((node) => committedEntries(this.#hosts.disk(node), this.figures(node)?.committed ?? 0));
    const at = others.findIndex((log) => differ(first as Log, log));
    return at < 0 ? undefined : `${nodes[0]} and ${nodes[at + 1]} have committed different entries`;
  }
}

/** What it waits for may follow. */
const leads = (figures: ReplicationFigures | undefined): boolean => figures?.state.split(' ')[0] === 'master';

/** By position: what of an entry is the same in all logs, from the chain before it on. */
type Log = ReadonlyMap<number, Uint8Array>;

function committedEntries(disk: MemoryStorage | undefined, committed: number): Log {
  const log = new Map<number, Uint8Array>();
  for (const name of disk?.names ?? []) {
    const base = /^log\/(\d{20})\.seg$/.exec(name)?.[1];
    if (base === undefined) continue;
    const file = disk?.file(name);
    const bytes = file?.read(SEGMENT_HEADER_BYTES, file.size) ?? new Uint8Array(0);
    for (let at = 0; Number(base) + at < committed && at < bytes.length; ) {
      const length = readUint32(bytes, at);
      if (length === 0) break;
      log.set(Number(base) + at, bytes.subarray(at + ENTRY_AT.previousChain, at + length));
      at += length;
    }
  }
  return log;
}

/** A log that was begun anew has no entries below its first one. */
function differ(one: Log, other: Log): boolean {
  const from = Math.max(firstOf(one), firstOf(other));
  return [...one.keys(), ...other.keys()].some((at) => at >= from && !isSame(one.get(at), other.get(at)));
}

const firstOf = (log: Log): number => Math.min(...log.keys(), Number.MAX_SAFE_INTEGER);

const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);

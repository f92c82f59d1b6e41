import type { Death } from '../produce/lives.ts';
import type { Entry } from './entries.ts';

/** What a key has; the version is undefined where no answer told it. */
export interface Held {
  readonly value: string;
  readonly version: number | undefined;
}

/** One write that took effect, with the keys that it changed. */
interface Written {
  readonly version: number | undefined;
  readonly keys: readonly string[];
}

/** What an entry counts beside its key and its value. */
const OVERHEAD_BYTES = 128;

/** The kit's own picture of a queue's keyed state: what the answers up to here say that it has to be. */
export class Place {
  readonly entries = new Map<string, Held>();
  /** Of the state; undefined where no answer told it. */
  version: number | undefined = 0;
  /** Where the broker started: from here on it has to remember the changes. */
  horizon: number | undefined = 0;
  written: Written[] = [];
  /** Nobody can say any more what there is. */
  unsure = false;
  /** The last change was refused. */
  refused = false;
  /** The topic was made anew, and nothing was written since. */
  isNew = false;
  /** The broker ended since the last change. */
  deaths: Death[] = [];
  /** Where the last change was answered. */
  changedAt = -1;
  /** Changes of which nobody knows whether they were made. */
  maybe: readonly Entry[] | undefined;

  /** Of dedup ids. */
  readonly dedupKeys = new Set<string>();

  bytesWith(changes: readonly Entry[]): number {
    const sizes = new Map([...this.entries].map(([key, { value }]) => [key, (key.length + value.length) / 2 + OVERHEAD_BYTES]));
    for (const { key, value, removed } of changes) {
      if (removed) sizes.delete(key);
      else sizes.set(key, (key.length + value.length) / 2 + OVERHEAD_BYTES);
    }
    return [...sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  apply(changes: readonly Pick<Entry, 'key' | 'value' | 'removed'>[], version: number | undefined, at: number): void {
    for (const { key, value, removed } of changes) {
      if (removed) this.entries.delete(key);
      else this.entries.set(key, { value, version });
    }
    this.version = version;
    this.written.push({ version, keys: changes.map(({ key }) => key) });
    this.refused = false;
    this.isNew = false;
    this.deaths = [];
    this.changedAt = at;
  }

  /** Undefined where a version is not known. */
  changedSince(since: number, prefix: string): ReadonlyMap<string, number> | undefined {
    const changed = new Map<string, number>();
    for (const { version, keys } of this.written) {
      if (version === undefined) return undefined;
      if (version > since) for (const key of keys) if (key.startsWith(prefix)) changed.set(key, version);
    }
    return changed;
  }

  restarted(death: Death): void {
    this.deaths.push(death);
    this.horizon = this.version;
    if (death.mayLose) this.unsure = true;
  }
}

import { LIMITS } from '../../wire/gen/registry.ts';

/** One change of a key: it was written or removed by the write of this version. */
export interface Change {
  readonly key: string;
  readonly version: number;
}

const REMEMBERED = LIMITS.STATE_CHANGES_REMEMBERED;

/** The newest changes of one queue's keyed state, in the order of their versions (STATE_CHANGES_REMEMBERED). */
export class ChangeRing {
  #changes: Change[] = [];
  #first = 0;
  #horizon: number;

  /** @param horizon nothing that came up to this version is remembered. */
  constructor(horizon: number) {
    this.#horizon = horizon;
  }

  /** All changes behind this version are here. */
  get horizon(): number {
    return this.#horizon;
  }

  add(key: string, version: number): void {
    this.#changes.push({ key, version });
    if (this.#changes.length - this.#first <= REMEMBERED) return;
    this.#horizon = (this.#changes[this.#first++] as Change).version;
    // Half of the list is forgotten: it is made short again, once in as many changes.
    if (this.#first < REMEMBERED) return;
    this.#changes = this.#changes.slice(this.#first);
    this.#first = 0;
  }

  /** The changes behind a version that is not below the horizon. */
  since(version: number): readonly Change[] {
    const changes = this.#changes;
    let low = this.#first;
    let high = changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((changes[middle] as Change).version <= version) low = middle + 1;
      else high = middle;
    }
    return changes.slice(low);
  }
}

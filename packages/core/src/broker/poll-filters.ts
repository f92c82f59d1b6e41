import { parseFilter } from '../model/filter.ts';
import type { Platform } from '../platform.ts';
import { textChecksum } from '../wire/record.ts';

/** Filters whose checksums are kept; when there are more, all are made anew. */
const KEPT_MAX = 1024;

/** The tag checksums of filters: a PULL brings its filters as text, mostly the same ones. */
export class PollFilters {
  readonly #platform: Platform;
  readonly #kept = new Map<string, ReadonlySet<number> | undefined>();

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** undefined lets everything through. @throws QanatError INVALID_ARGUMENT. */
  sums(filter: string): ReadonlySet<number> | undefined {
    if (filter === '' || filter === '*') return undefined;
    if (this.#kept.has(filter)) return this.#kept.get(filter);
    const tags = parseFilter(filter);
    const sums = tags === undefined ? undefined : new Set(Array.from(tags, (tag) => textChecksum(this.#platform, tag)));
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    this.#kept.set(filter, sums);
    return sums;
  }
}

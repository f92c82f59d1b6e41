// Writes the index files of sealed segments beside the work of the log, and reads them in a recovery.
import type { Platform } from '../../platform.ts';
import type { StoredFile } from '../../storage.ts';
import type { Background } from './background.ts';
import type { LogHost } from './log-host.ts';
import type { QueueIndex } from './queue-index.ts';
import type { Segment } from './segment.ts';
import { decodeSegmentIndex, encodeSegmentIndex, indexBaseOf, indexName, type SegmentIndex } from './segment-index.ts';
import { perform, type StorageTask } from './storage-task.ts';

/** A file that waits to be written. */
interface IndexFile {
  readonly base: number;
  readonly bytes: Uint8Array;
}

export class IndexFiles {
  readonly #host: LogHost;
  readonly #platform: Platform;
  readonly #background: Background;
  readonly #index: QueueIndex;
  /** Files of the directory that belong to no segment. */
  #strays: string[] = [];
  #waiting: IndexFile[] = [];
  #running = false;

  constructor(host: LogHost, platform: Platform, background: Background, index: QueueIndex) {
    this.#host = host;
    this.#platform = platform;
    this.#background = background;
    this.#index = index;
  }

  /**
   * The index of a segment from its file, where there is a whole one that is of this segment; otherwise the segment must be
   * scanned.
   */
  *load(
    files: ReadonlyMap<string, StoredFile>,
    segment: Pick<SegmentIndex, 'base' | 'end' | 'previousChain' | 'chain'>,
  ): StorageTask<SegmentIndex | undefined> {
    const file = files.get(indexName(segment.base));
    if (file === undefined) return undefined;
    const bytes = yield* perform({ op: 'read', name: file.name, position: 0, length: file.size });
    const found = decodeSegmentIndex(this.#platform, bytes);
    const { base, end, previousChain, chain } = segment;
    if (found?.base === base && found.end === end && found.previousChain === previousChain && found.chain === chain) return found;
    this.#host.log('warn', 'log.index.damaged', { file: file.name });
    return undefined;
  }

  /** Notes the files that no segment has. Nothing is removed before `write`. */
  findStrays(files: ReadonlyMap<string, StoredFile>, bases: ReadonlySet<number>): void {
    this.#strays = [...files.keys()].flatMap((name) => {
      const base = indexBaseOf(name);
      return base === undefined || bases.has(base) ? [] : [name];
    });
  }

  /** `segment` takes no more entries, all of it is applied, and `chain` is that of its last one. */
  seal(segment: Segment, chain: number): void {
    const { base, end, previousChain, lastTerm, firstStoreTimeMs, lastStoreTimeMs } = segment;
    const indexed = { base, end, previousChain, chain, lastTerm, firstStoreTimeMs, lastStoreTimeMs };
    this.#waiting.push({ base, bytes: encodeSegmentIndex(this.#platform, indexed, this.#index.seal(base)) });
  }

  /** Writes what waits, one file after the other. Losing one costs a scan of its segment at the next start. */
  write(): void {
    if (this.#running || (this.#waiting.length === 0 && this.#strays.length === 0)) return;
    this.#running = true;
    this.#background.run(this.#work(), (error) => {
      this.#running = false;
      if (error !== undefined && error.code !== 'CLOSED') this.#host.log('warn', 'log.index.failed', { error: error.message });
    });
  }

  /** The segment is gone. */
  *remove(segment: Segment): StorageTask<void> {
    this.#waiting = this.#waiting.filter(({ base }) => base !== segment.base);
    yield* perform({ op: 'unlink', name: indexName(segment.base) });
  }

  *#work(): StorageTask<void> {
    for (let name = this.#strays.pop(); name !== undefined; name = this.#strays.pop()) yield* perform({ op: 'unlink', name });
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { base, bytes } = next;
      yield* perform({ op: 'replace', name: indexName(base), bytes });
      // Retention may have been faster.
      if (base < this.#index.oldestBase) yield* perform({ op: 'unlink', name: indexName(base) });
    }
  }
}

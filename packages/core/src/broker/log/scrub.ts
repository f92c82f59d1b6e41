// Reads sealed segments again, slowly, and tells what has rotted before somebody needs it. It never changes anything.
import { QanatError } from '../../errors.ts';
import type { Timer } from '../../timers.ts';
import type { Background } from './background.ts';
import type { EntryCodec } from './entry.ts';
import type { LogHost } from './log-host.ts';
import { LogScan } from './log-scan.ts';
import { fileOffset, type Segment } from './segment.ts';
import { runTask } from './storage-task.ts';

/** Of one read: what is verified in one turn of the event loop. */
const READ_BYTES = 256 * 1024;
/** When everything was read, and while there is nothing to read. */
const REST_MS = 60_000;

export interface ScrubParts {
  /** 0: never. */
  readonly bytesPerSecond: number;
  readonly host: LogHost;
  readonly background: Background;
  readonly codec: EntryCodec;
  /** Those of the log; the last one is not sealed. */
  readonly segments: readonly Segment[];
  /** What is above may yet be cut off. */
  applied(): number;
  /** A segment was read, and does not verify. */
  damaged(error: QanatError): void;
}

export class Scrub {
  readonly #parts: ScrubParts;
  /** Bases of segments that do not verify. */
  readonly #damaged = new Set<number>();
  /** Segments below were read in this round. */
  #doneTo = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(parts: ScrubParts) {
    this.#parts = parts;
    if (parts.bytesPerSecond > 0) this.#wait();
  }

  /** Segments of the log that were found damaged. */
  get damaged(): number {
    return this.#damaged.size;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #wait(): void {
    if (this.#stopped) return;
    const { host } = this.#parts;
    this.#timer = host.timers.at(host.nowMs() + REST_MS, () => this.#round());
  }

  #round(): void {
    const { applied, segments } = this.#parts;
    const next = segments.find(({ base, end }, i) => base >= this.#doneTo && end <= applied() && segments[i + 1]?.ready === true);
    if (next === undefined) {
      this.#doneTo = 0;
      for (const base of this.#damaged) if (base < (segments[0] as Segment).base) this.#damaged.delete(base);
      this.#wait();
    } else this.#verify(next, segments[segments.indexOf(next) + 1] as Segment);
  }

  #verify(segment: Segment, next: Segment): void {
    const { codec, host, background, segments } = this.#parts;
    const { name, base, previousChain, end } = segment;
    const scan = new LogScan(codec, base, previousChain, 0, () => {}, READ_BYTES);
    // Each read waits until the time has come that its bytes may take.
    const slowly = {
      storage: (...[request, done]: Parameters<LogHost['storage']>): void => {
        const pauseMs = (READ_BYTES / this.#parts.bytesPerSecond) * 1_000;
        this.#timer = host.timers.at(host.nowMs() + pauseMs, () => background.storage(request, done));
      },
    };
    runTask(slowly, scan.segment({ name, base, fileEnd: end }, end), (error, whole) => {
      this.#doneTo = end;
      if (this.#stopped || error?.code === 'CLOSED') return;
      // Retention may have removed it meanwhile.
      if (segments.includes(segment)) {
        const fault =
          error?.message ?? (whole === true && scan.chain !== next.previousChain ? 'its end is another one' : scan.fault);
        if (error === undefined && whole === true && scan.chain === next.previousChain) this.#damaged.delete(base);
        else this.#tell(segment, scan.position, fault, error === undefined);
      }
      this.#round();
    });
  }

  #tell({ name, base }: Segment, position: number, fault: string, wasRead: boolean): void {
    if (this.#damaged.has(base)) return;
    this.#damaged.add(base);
    this.#parts.host.log('error', 'log.scrub.damaged', { file: name, position, byte: fileOffset(base, position), fault });
    if (wasRead) this.#parts.damaged(new QanatError('CORRUPT_LOG', `${name}: no whole entry at position ${position}: ${fault}`));
  }
}

import { describeError, ExitCode, exitCodeOf, isQanatError } from '../errors.ts';
import { formatAmount, formatCount, formatSpan } from '../output/figures.ts';
import type { Session } from '../session.ts';
import { isUnknownTopic } from '../unknown-name.ts';

/** Where one line was stored. */
export interface StoredLine {
  readonly line: number;
  readonly broker: string;
  readonly queue: number;
  /** Undefined: a duplicate that the broker remembers no longer. */
  readonly offset: number | undefined;
  readonly storeTimeMs: number;
  readonly duplicate: boolean;
}

type UnackedOutcome = 'rejected' | 'unknown' | 'not-sent';

/** Tells what became of each line, and counts. */
export class SendReport {
  readonly #session: Session;
  readonly #topic: string;
  /** A single message of the command line is told by itself, without a summary for people. */
  readonly #single: boolean;
  readonly #startMs = performance.now();
  readonly #pending = new Set<number>();
  readonly #outcomes: Record<UnackedOutcome, number> = { rejected: 0, unknown: 0, 'not-sent': 0 };
  #lines = 0;
  #acked = 0;
  #duplicates = 0;
  #bytes = 0;
  #withoutKey = 0;
  #firstError: unknown;

  constructor(session: Session, topic: string, single: boolean) {
    this.#session = session;
    this.#topic = topic;
    this.#single = single;
  }

  get #unacked(): number {
    return this.#outcomes.rejected + this.#outcomes.unknown + this.#outcomes['not-sent'];
  }

  begin(line: number): void {
    this.#lines++;
    this.#pending.add(line);
  }

  lineWithoutKey(): void {
    this.#withoutKey++;
  }

  stored(stored: StoredLine, bytes: number): void {
    this.#pending.delete(stored.line);
    this.#acked++;
    this.#bytes += bytes;
    if (stored.duplicate) this.#duplicates++;
    const { line, broker, queue, offset, storeTimeMs, duplicate } = stored;
    if (this.#session.wantsJson) {
      const storeTime = new Date(storeTimeMs).toISOString();
      this.#session.out.json({ line, topic: this.#topic, broker, queue, offset: offset ?? null, storeTime, duplicate });
    } else if (this.#single)
      this.#session.out.line(`stored ${this.#topic} ${broker}/${queue} ${offset === undefined ? '(before)' : `@${offset}`}`);
  }

  failed(line: number, error: unknown, outcome: UnackedOutcome = isQanatError(error) ? error.outcome : 'unknown'): void {
    this.#pending.delete(line);
    this.#outcomes[outcome]++;
    this.#firstError ??= error;
    if (this.#single) return; // The command ends with this error.
    const { code, message } = describeError(error);
    this.#session.diagnostics.note({
      level: 'error',
      event: 'unacked',
      text: `line ${line}: ${outcome}: ${code === undefined ? '' : `${code}: `}${message}`,
      fields: { line, outcome, code },
    });
  }

  /** The command ends at once: nobody will know what became of what is under way. */
  abandon(): void {
    for (const line of [...this.#pending].sort((a, b) => a - b)) {
      this.failed(line, new Error('the command was ended before an answer came'), 'unknown');
    }
  }

  progress(): string {
    const seconds = (performance.now() - this.#startMs) / 1_000;
    const failed = this.#unacked === 0 ? '' : ` · ${formatCount(this.#unacked)} failed`;
    const perSecond = formatCount(this.#acked / seconds);
    return `${formatAmount(this.#lines, 'line')} read · ${formatCount(this.#acked)} stored${failed} · ${perSecond}/s`;
  }

  /** Prints the summary. @param stopError why the rest of the input was not read. */
  finish(stopError: unknown): void {
    const elapsedMs = Math.round(performance.now() - this.#startMs);
    const perSecond = elapsedMs === 0 ? 0 : Math.round((this.#acked * 1_000) / elapsedMs);
    const { out } = this.#session;
    const complete = stopError === undefined && this.#session.stoppedBy === undefined;
    if (this.#session.wantsJson) {
      out.json({
        summary: {
          topic: this.#topic,
          lines: this.#lines,
          acked: this.#acked,
          unacked: this.#unacked,
          outcomes: this.#outcomes,
          duplicates: this.#duplicates,
          bytes: this.#bytes,
          elapsedMs,
          perSecond,
          complete,
        },
      });
    } else if (!this.#single) {
      const stored = `${formatCount(this.#acked)} of ${formatAmount(this.#lines, 'message')} stored`;
      out.line(`${this.#topic}: ${stored} in ${formatSpan(elapsedMs)}, ${formatCount(perSecond)}/s`);
    }
    if (this.#withoutKey > 0) {
      this.#session.warn('no-key', `--key-regex did not match ${formatAmount(this.#withoutKey, 'line')}: sent without a key`);
    }
    if (!complete && !this.#single)
      this.#session.warn('incomplete', `the input was not read to its end: stopped after line ${this.#lines}`, {
        lines: this.#lines,
      });
    if (this.#single && this.#outcomes.unknown > 0) this.#session.warn('unknown', 'outcome: unknown; the message may be stored');
    this.#session.exitCode = this.#exitCode();
  }

  /** The error with which the command ends: that of a single message, or an unknown topic, of which a hint can be given. */
  get finalError(): unknown {
    if (this.#acked > 0) return undefined;
    const unknownTopic = isUnknownTopic(this.#firstError);
    return this.#single || unknownTopic ? this.#firstError : undefined;
  }

  #exitCode(): ExitCode {
    if (this.#unacked === 0) return ExitCode.OK;
    return this.#acked > 0 ? ExitCode.PARTIAL : exitCodeOf(this.#firstError);
  }
}

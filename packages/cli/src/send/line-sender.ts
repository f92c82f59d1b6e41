import type { BatchReceipt, MessageInit, Producer, Receipt } from '@qanat/client';
import { CliError, ExitCode, isQanatError } from '../errors.ts';
import type { Session } from '../session.ts';
import type { InFlight } from './in-flight.ts';
import type { Line } from './line-splitter.ts';
import type { Pacer } from './pacer.ts';
import type { SendReport } from './send-report.ts';

/** After one of these every other line would fail as well. */
const HOPELESS: ReadonlySet<string> = new Set([
  'TOPIC_NOT_FOUND',
  'CREATION_DISABLED',
  'INVALID_NAME',
  'FORBIDDEN',
  'UNAUTHENTICATED',
  'CLOSED',
  'BAD_CONFIG',
]);

export interface LineSenderOptions {
  readonly session: Session;
  readonly producer: Producer;
  readonly topic: string;
  /** What all messages have, the body apart. */
  readonly template: Omit<MessageInit, 'body'>;
  readonly keyOf: ((line: Uint8Array) => string | undefined) | undefined;
  /** Undefined: each line by itself. */
  readonly batchLines: number | undefined;
  readonly batchBytesMax: number;
  readonly lineBytesMax: number;
  readonly pacer: Pacer | undefined;
  readonly inFlight: InFlight;
  readonly report: SendReport;
}

/** Sends lines, many at a time, and tells the report what became of each. */
export class LineSender {
  /** Why it makes no sense to go on. */
  hopeless: unknown;
  readonly #options: LineSenderOptions;
  #batch: Line[] = [];
  #batchBytes = 0;

  constructor(options: LineSenderOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the lines were given to the producer, or it makes no sense to go on.
   * @throws the reason of the session's signal.
   */
  async send(lines: readonly Line[]): Promise<void> {
    const { session, report, pacer, inFlight, batchLines } = this.#options;
    for (const line of lines) {
      if (inFlight.isFull) await inFlight.room();
      if (pacer !== undefined) await pacer.turn(1);
      session.signal.throwIfAborted();
      if (this.hopeless !== undefined) return;
      report.begin(line.number);
      if (line.tooLong) report.failed(line.number, this.#tooLong(), 'not-sent');
      else if (batchLines === undefined) this.#sendOne(line);
      else await this.#collect(line, batchLines);
    }
  }

  /** Sends the lines that wait for a full batch, and resolves when all have their outcome. */
  async finish(): Promise<void> {
    this.#sendBatch();
    await this.#options.inFlight.empty();
  }

  #tooLong(): CliError {
    return new CliError(ExitCode.FAILURE, `the line is longer than ${this.#options.lineBytesMax} bytes`);
  }

  async #collect(line: Line, linesMax: number): Promise<void> {
    if (this.#batchBytes + line.bytes.length > this.#options.batchBytesMax) this.#sendBatch();
    this.#batch.push(line);
    this.#batchBytes += line.bytes.length;
    if (this.#batch.length >= linesMax) this.#sendBatch();
  }

  #message(line: Line): MessageInit {
    const { template, keyOf, report } = this.#options;
    const key = keyOf?.(line.bytes);
    if (keyOf !== undefined && key === undefined) report.lineWithoutKey();
    return { ...template, body: line.bytes, ...(key === undefined ? {} : { key }) };
  }

  #sendOne(line: Line): void {
    const { producer, topic, inFlight, report } = this.#options;
    const bytes = line.bytes.length;
    inFlight.begin(bytes);
    void producer
      .send(topic, this.#message(line), this.#callOptions())
      .then(
        (receipt: Receipt) => report.stored({ ...receipt, line: line.number }, bytes),
        (error: unknown) => this.#failed([line], error),
      )
      .finally(() => inFlight.end(bytes));
  }

  #sendBatch(): void {
    const lines = this.#batch;
    const bytes = this.#batchBytes;
    if (lines.length === 0) return;
    this.#batch = [];
    this.#batchBytes = 0;
    const { producer, topic, template, inFlight } = this.#options;
    const key = template.key;
    inFlight.begin(bytes);
    void producer
      .sendBatch(
        topic,
        lines.map((line) => this.#message(line)),
        { ...this.#callOptions(), ...(key === undefined ? {} : { key }) },
      )
      .then(
        (receipts: readonly BatchReceipt[]) => this.#storedBatch(lines, receipts),
        (error: unknown) => this.#failed(lines, error),
      )
      .finally(() => inFlight.end(bytes));
  }

  /** The receipts are in the order of the messages: they have one key, or none, and so one queue. */
  #storedBatch(lines: readonly Line[], receipts: readonly BatchReceipt[]): void {
    let at = 0;
    for (const { baseOffset, broker, queue, storeTimeMs, duplicate, count } of receipts) {
      for (const [i, line] of lines.slice(at, at + count).entries()) {
        const offset = baseOffset === undefined ? undefined : baseOffset + i;
        this.#options.report.stored({ line: line.number, broker, queue, offset, storeTimeMs, duplicate }, line.bytes.length);
      }
      at += count;
    }
  }

  #failed(lines: readonly Line[], error: unknown): void {
    for (const line of lines) this.#options.report.failed(line.number, error);
    if (isQanatError(error) && HOPELESS.has(error.code)) this.hopeless ??= error;
  }

  /** Not the session's signal: what was sent shall get its answer although nothing more is read. */
  #callOptions(): { readonly timeoutMs?: number } {
    const { timeoutMs } = this.#options.session.settings;
    return timeoutMs === undefined ? {} : { timeoutMs };
  }
}

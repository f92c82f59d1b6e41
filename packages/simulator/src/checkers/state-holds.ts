import type { EventOf, HistoryEvent, QueueKey } from '../history/index.ts';
import type { Checker, Report } from './checker.ts';
import { type Facts, mayHaveLost } from './facts.ts';

type Invoked = EventOf<'stateWriteInvoked'>;
type Completed = EventOf<'stateWriteCompleted'>;

interface Write {
  readonly invoked: Invoked;
  completed: Completed | undefined;
}

/** What is known of one queue's state. */
class QueueFacts {
  readonly #queue: QueueKey;
  readonly #report: Report;
  /** Writes by the value that they put. */
  readonly #byValue = new Map<string, Write>();
  /** The version of each write, as its answer or a read told it. */
  readonly #writeOf = new Map<number, { readonly write: number; readonly event: HistoryEvent }>();
  /** What was told of each key, with the number of the event: a read that began later has to see it, or something newer. */
  readonly #told = new Map<string, { readonly at: number; readonly version: number; readonly event: HistoryEvent }[]>();
  /** Versions that a write expected, and got. */
  readonly #spent = new Map<string, HistoryEvent>();

  constructor(queue: QueueKey, report: Report) {
    this.#queue = queue;
    this.#report = report;
  }

  invoked(event: Invoked): Write {
    const write: Write = { invoked: event, completed: undefined };
    for (const { value } of event.changes) this.#byValue.set(value, write);
    return write;
  }

  completed(write: Write, event: Completed, index: number): void {
    write.completed = event;
    if (event.outcome !== 'ok') return;
    this.#version(event.version, event.write, event);
    for (const { key, expected } of write.invoked.changes) {
      this.#tell(key, event.version, index, event);
      if (expected === undefined || expected === 0) continue;
      const name = `${key} ${expected}`;
      const other = this.#spent.get(name);
      if (other !== undefined) this.#report(`${this.#queue}: two writes found ${key} with version ${expected}`, other, event);
      this.#spent.set(name, event);
    }
  }

  read(event: EventOf<'stateRead'>, index: number): void {
    const found = new Map(event.entries.map((entry) => [entry.key, entry]));
    for (const { key, version, value } of event.entries) {
      const write = this.#byValue.get(value);
      if (write === undefined) {
        this.#report(`${this.#queue}: ${key} has "${value}", which nobody wrote`, event);
        continue;
      }
      if (write.completed?.outcome === 'rejected')
        this.#report(`${this.#queue}: ${key} has "${value}" of a write that was rejected`, write.completed, event);
      this.#version(version, write.invoked.write, event);
      for (const other of write.invoked.changes)
        if ((found.get(other.key)?.version ?? 0) < version)
          this.#report(`${this.#queue}: ${key} is of version ${version}, and ${other.key} of the same write is not`, event);
    }
    for (const [key, told] of this.#told) {
      const missed = told.findLast(({ at, version }) => at < event.invokedAt && version > (found.get(key)?.version ?? 0));
      if (missed !== undefined)
        this.#report(`${this.#queue}: ${key} had version ${missed.version} before, and does not any more`, missed.event, event);
    }
    for (const { key, version } of event.entries) this.#tell(key, version, index, event);
  }

  #version(version: number, write: number, event: HistoryEvent): void {
    const known = this.#writeOf.get(version);
    if (known === undefined) this.#writeOf.set(version, { write, event });
    else if (known.write !== write)
      this.#report(`${this.#queue}: version ${version} is that of two writes, ${known.write} and ${write}`, known.event, event);
  }

  /** Only what is newer than all before it is kept: a read is judged by the newest. */
  #tell(key: string, version: number, at: number, event: HistoryEvent): void {
    const told = this.#told.get(key) ?? [];
    if (version > (told.at(-1)?.version ?? 0)) told.push({ at, version, event });
    this.#told.set(key, told);
  }
}

/** Linearizable as far as versions tell. */
export const stateHolds: Checker = {
  name: 'state-holds',
  rule: 'a write of keyed state is whole, what was told of a key is not forgotten, and no version comes twice',
  begin(facts: Facts, report) {
    const queues = new Map<QueueKey, QueueFacts>();
    const writes = new Map<number, Write>();
    const of = (queue: QueueKey): QueueFacts | undefined => {
      // What a power cut may take is judged by nobody.
      if (mayHaveLost(facts, queue)) return undefined;
      const known = queues.get(queue) ?? new QueueFacts(queue, report);
      queues.set(queue, known);
      return known;
    };
    return {
      see(event, index) {
        if (event.kind === 'stateWriteInvoked') {
          const write = of(event.queue)?.invoked(event);
          if (write !== undefined) writes.set(event.write, write);
        } else if (event.kind === 'stateWriteCompleted') {
          const write = writes.get(event.write);
          if (write !== undefined) of(write.invoked.queue)?.completed(write, event, index);
        } else if (event.kind === 'stateRead') of(event.queue)?.read(event, index);
      },
    };
  },
};

import type { CallOptions, StateScanEntry } from '@qanat/client';
import type { Clock, QueueId } from '@qanat/core';
import { RETRY_MS, STATE_PAGE } from './limits.ts';
import type { KeyedState } from './log-client.ts';
import { queueName } from './state-keys.ts';
import { pause } from './waiting.ts';

export interface MirrorEvents {
  /** An entry is new, changed or (undefined) removed. */
  changed(key: string, value: Uint8Array | undefined, version: number, queue: QueueId): void;
  /** Everything up to this version of the queue has been told. */
  upTo?(queue: QueueId, version: number): void;
  trouble(error: unknown): void;
}

/** Follows all entries with a prefix in every queue of the state topic. */
export class StateMirror {
  readonly #state: KeyedState;
  readonly #clock: Clock;
  readonly #prefix: string;
  readonly #events: MirrorEvents;
  readonly #ended = new AbortController();
  readonly #followed = new Set<string>();
  readonly #versions = new Map<string, number>();
  #closed = false;

  constructor(state: KeyedState, clock: Clock, prefix: string, events: MirrorEvents) {
    this.#state = state;
    this.#clock = clock;
    this.#prefix = prefix;
    this.#events = events;
  }

  /** Up to which version a queue is known; 0: not yet. */
  version(queue: string): number {
    return this.#versions.get(queue) ?? 0;
  }

  /** Begins to follow a queue, once. Resolves when all that it holds has been told. */
  follow(queue: QueueId): Promise<void> {
    if (this.#followed.has(queueName(queue))) return Promise.resolve();
    this.#followed.add(queueName(queue));
    return new Promise((resolve) => void this.#follow(queue, resolve));
  }

  close(): void {
    this.#closed = true;
    this.#ended.abort();
  }

  async #follow(queue: QueueId, ready: () => void): Promise<void> {
    const known = new Set<string>();
    let since: number | undefined;
    while (!this.#closed) {
      try {
        since ??= await this.#readAll(queue, known);
        ready();
        since = await this.#watch(queue, since, known);
      } catch (error) {
        if (this.#closed) break;
        this.#events.trouble(error);
        since = this.#versions.get(queueName(queue));
        await pause(this.#clock, RETRY_MS);
      }
    }
    ready();
  }

  /** @returns the version from which on changes are to be watched: the lowest of the pages. */
  async #readAll(queue: QueueId, known: Set<string>): Promise<number> {
    const found = new Set<string>();
    let since: number | undefined;
    for await (const page of pages(this.#state, queue, this.#prefix)) {
      since ??= page.version;
      for (const { key, value, version } of page.entries) {
        found.add(key);
        this.#tell(queue, key, value, version, known);
      }
    }
    for (const key of known) if (!found.has(key)) this.#tell(queue, key, undefined, since ?? 0, known);
    this.#upTo(queue, since ?? 0);
    return since ?? 0;
  }

  /** @returns undefined where everything has to be read again. */
  async #watch(queue: QueueId, since: number, known: Set<string>): Promise<number | undefined> {
    const { signal } = this.#ended;
    for await (const news of this.#state.watch(queue, { prefix: this.#prefix, since, signal })) {
      if (this.#closed || news.kind === 'reset') return undefined;
      for (const { key, value, version } of news.entries) this.#tell(queue, key, value, version, known);
      this.#upTo(queue, news.version);
    }
    return undefined;
  }

  #tell(queue: QueueId, key: string, value: Uint8Array | undefined, version: number, known: Set<string>): void {
    if (this.#closed) return;
    if (value === undefined) known.delete(key);
    else known.add(key);
    try {
      this.#events.changed(key, value, version, queue);
    } catch (error) {
      this.#events.trouble(error); // an entry that this bridge cannot read hides no other
    }
  }

  #upTo(queue: QueueId, version: number): void {
    if (this.#closed) return;
    this.#versions.set(queueName(queue), version);
    this.#events.upTo?.(queue, version);
  }
}

/** All entries of a queue with a prefix, page by page. @throws QanatError. */
export async function* pages(
  state: KeyedState,
  queue: QueueId,
  prefix: string,
  options: CallOptions = {},
): AsyncGenerator<{ readonly entries: readonly StateScanEntry[]; readonly version: number }> {
  let after: string | undefined;
  for (;;) {
    const page = await state.scan(queue, { prefix, limit: STATE_PAGE, ...(after === undefined ? {} : { after }) }, options);
    yield page;
    after = page.entries.at(-1)?.key;
    if (!page.more || after === undefined) return;
  }
}

/** All entries of a queue with a prefix. @throws QanatError. */
export async function readAll(
  state: KeyedState,
  queue: QueueId,
  prefix: string,
  options?: CallOptions,
): Promise<StateScanEntry[]> {
  const entries: StateScanEntry[] = [];
  for await (const page of pages(state, queue, prefix, options)) entries.push(...page.entries);
  return entries;
}

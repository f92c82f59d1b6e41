import { setTimeout as sleep } from 'node:timers/promises';
import { QanatError } from '@qanat/core';
import type { KeyedState } from '../cluster/log-client.ts';
import { upstreamKey } from '../cluster/state-keys.ts';
import { StoredReader, StoredWriter } from '../cluster/stored-bytes.ts';
import type { Subscribed } from './upstream-subscriptions.ts';

const FORMAT = 1;
const RETRY_MS = 1_000;
/** A bridge that stops waits no longer than that for the write that is under way. */
const WRITE_MS = 3_000;

/** Keeps what the session of a bridge at another broker is subscribed to: under `u/` in the keyed state of the bridges. */
export class SubscriptionMemory {
  readonly #state: KeyedState;
  readonly #clientId: string;
  readonly #key: string;
  readonly #onTrouble: (error: unknown) => void;
  #next: Subscribed | undefined;
  #writing: Promise<void> | undefined;
  readonly #closing = new AbortController();

  /** @param server by which the other broker is known: sessions at two of them have nothing in common. */
  constructor(state: KeyedState, clientId: string, server: string, onTrouble: (error: unknown) => void) {
    this.#state = state;
    this.#clientId = clientId;
    this.#key = upstreamKey(clientId, server);
    this.#onTrouble = onTrouble;
  }

  /** @returns empty where it is not known, or cannot be read. */
  async read(): Promise<Subscribed> {
    try {
      const queue = await this.#state.queueOf(this.#clientId);
      const [found] = await this.#state.get(queue, [this.#key]);
      return found === undefined ? new Map() : decode(found.value);
    } catch (error) {
      this.#onTrouble(error);
      return new Map();
    }
  }

  /** Writes it, again until it is written or something newer is to be. */
  keep(subscribed: Subscribed): void {
    this.#next = subscribed;
    this.#writing ??= this.#write();
  }

  /** Resolves once the write that is under way has ended. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#writing;
  }

  async #write(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#next !== undefined) {
      const subscribed = this.#next;
      this.#next = undefined;
      try {
        const queue = await this.#state.queueOf(this.#clientId, { timeoutMs: WRITE_MS });
        const value = subscribed.size === 0 ? undefined : encode(subscribed);
        await this.#state.write(queue, [{ key: this.#key, value }], { timeoutMs: WRITE_MS });
      } catch (error) {
        this.#onTrouble(error);
        if (signal.aborted) break;
        if (QanatError.is(error) && !error.retryable) continue;
        this.#next ??= subscribed;
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
    this.#writing = undefined;
  }
}

function encode(subscribed: Subscribed): Uint8Array {
  const w = new StoredWriter(FORMAT);
  return w.list([...subscribed], ([filter, qos]) => w.text(filter).byte(qos)).end();
}

function decode(bytes: Uint8Array): Subscribed {
  const r = new StoredReader(bytes, FORMAT);
  return new Map(r.list(() => [r.text(), r.byte() === 0 ? 0 : 1] as const));
}

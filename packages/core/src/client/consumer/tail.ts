import { codeOfWireNumber, QanatError } from '../../errors.ts';
import type { LookedUpOffset } from '../../wire/gen/consuming-messages.ts';
import { CONSUMING_REQUESTS } from '../../wire/gen/consuming-messages.ts';
import { Position } from '../../wire/gen/registry.ts';
import type { QueueId } from '../host.ts';
import { partsOf } from './frame-budget.ts';
import { queueKey } from './puller.ts';
import type { ConsumerScope } from './scope.ts';

const RETRY_MS = 1_000;

export interface TailOwner {
  /** The peer that is asked: the broker, or a slave of it. */
  readonly source: string;
  /** Begins to read a queue. */
  onStart(queue: QueueId, offset: number, endOffset: number | undefined): void;
}

/** A queue that is to be read, and what is known of where. */
interface Wanted {
  readonly queue: QueueId;
  readonly late: boolean;
  start: number | undefined;
  end: number | undefined;
  told: boolean;
}

interface Ask {
  readonly topic: string;
  readonly queue: number;
  readonly position: Position;
  readonly timeMs: number;
  readonly wanted: Wanted;
  readonly what: 'start' | 'end';
}

/** Finds out where to begin in the queues of one broker, for consumers without leases. */
export class Tail {
  readonly #scope: ConsumerScope;
  readonly #owner: TailOwner;
  readonly #wanted = new Map<string, Wanted>();
  #pending = 0;
  #stopped = false;

  constructor(scope: ConsumerScope, owner: TailOwner) {
    this.#scope = scope;
    this.#owner = owner;
  }

  /** Whether every queue that was asked for has begun. */
  get settled(): boolean {
    return this.#wanted.size === 0;
  }

  stop(): void {
    this.#stopped = true;
  }

  /**
   * Wants a queue. @param late it appeared after the consumer began: it is read from its oldest message, so that nothing of a
   * growing topic is skipped. @param offset from the caller's own store.
   */
  want(queue: QueueId, late: boolean, offset: number | undefined): void {
    if (offset !== undefined && !this.#scope.settings.untilEnd) return this.#owner.onStart(queue, offset, undefined);
    const key = queueKey(queue.topic, queue.queue);
    if (!this.#wanted.has(key)) this.#wanted.set(key, { queue, late, start: offset, end: undefined, told: false });
  }

  flush(): void {
    const { host } = this.#scope;
    if (this.#stopped || this.#pending > 0 || !host.isOpen(this.#owner.source)) return;
    for (const part of partsOf([...this.#wanted.values()].flatMap((wanted) => this.#asks(wanted)))) this.#send(part);
  }

  #asks(wanted: Wanted): Ask[] {
    const { topic, queue } = wanted.queue;
    const asks: Ask[] = [];
    if (wanted.start === undefined) asks.push({ topic, queue, ...this.#from(wanted.late), wanted, what: 'start' });
    if (this.#scope.settings.untilEnd && wanted.end === undefined) {
      asks.push({ topic, queue, position: Position.LAST, timeMs: 0, wanted, what: 'end' });
    }
    return asks;
  }

  #from(late: boolean): { readonly position: Position; readonly timeMs: number } {
    const { from } = this.#scope.settings;
    if (typeof from === 'object') return { position: Position.AT_TIME, timeMs: from.timeMs };
    return { position: from === 'first' || late ? Position.FIRST : Position.LAST, timeMs: 0 };
  }

  #send(asks: readonly Ask[]): void {
    const { host } = this.#scope;
    const queues = asks.map(({ topic, queue, position, timeMs }) => ({ topic, queue, position, timeMs }));
    this.#pending++;
    const options = { timeoutMs: host.settings.attemptMs, codec: CONSUMING_REQUESTS.OFFSET_LOOKUP };
    const peer = this.#owner.source;
    host.request(peer, 'OFFSET_LOOKUP', { queues }, options, (error, response) => {
      this.#pending--;
      if (this.#stopped) return;
      if (error === undefined) asks.forEach((ask, i) => this.#take(ask, response.header.offsets[i]));
      else this.#failed(error, peer);
      this.#startKnown(asks);
      const retryMs = error?.retryAfterMs ?? RETRY_MS;
      if (!this.settled && this.#pending === 0) host.engine.timers.at(host.engine.nowMs() + retryMs, () => this.flush());
      this.#scope.dispatcher.pump();
    });
  }

  #take({ wanted, what }: Ask, found: LookedUpOffset | undefined): void {
    if (found !== undefined && found.code === 0) {
      wanted[what] = found.offset;
      return;
    }
    const { topic, broker, queue } = wanted.queue;
    const code = found === undefined ? 'INVALID_ARGUMENT' : codeOfWireNumber(found.code);
    if (!wanted.told)
      this.#scope.trouble(
        new QanatError(code, `topic ${topic}, queue ${broker}/${queue}: its offsets cannot be looked up; asks again`),
      );
    wanted.told = true;
    this.#scope.host.refreshRoute(topic);
  }

  #failed(error: QanatError, peer: string): void {
    if (error.code === 'TIMEOUT') this.#scope.host.suspect(peer, error);
    else if (error.code === 'FORBIDDEN') this.#scope.refused(error);
    else if (error.wireNumber !== 0 && error.code !== 'NOT_YET') this.#scope.trouble(error);
  }

  #startKnown(asks: readonly Ask[]): void {
    for (const { wanted } of asks) {
      const key = queueKey(wanted.queue.topic, wanted.queue.queue);
      if (wanted.start === undefined || (this.#scope.settings.untilEnd && wanted.end === undefined) || !this.#wanted.delete(key))
        continue;
      this.#owner.onStart(wanted.queue, wanted.start, wanted.end);
    }
  }
}

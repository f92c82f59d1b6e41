import { codeOfWireNumber, type QanatError } from '../../errors.ts';
import type { Timer } from '../../timers.ts';
import { CONSUMING_REQUESTS } from '../../wire/gen/consuming-messages.ts';
import { GroupKind } from '../../wire/gen/registry.ts';
import { partsOf } from './frame-budget.ts';
import { queueKey } from './puller.ts';
import type { QueueStream } from './queue-stream.ts';
import type { ConsumerScope } from './scope.ts';

export interface CommitterOwner {
  readonly broker: string;
  readonly streams: ReadonlyMap<string, QueueStream>;
  /** Whether a master hears us, and knows us: commits go to masters only (QNT-RPL-085). */
  readonly writable: boolean;
  onFenced(stream: QueueStream): void;
  onUnknownMember(): void;
}

interface Item {
  readonly topic: string;
  readonly queue: number;
  readonly offset: number;
  readonly leaseEpoch: number;
  readonly stream: QueueStream;
}

/** Commits the positions of all leased queues of a broker in one request, at most once in `commitMs`. */
export class Committer {
  readonly #scope: ConsumerScope;
  readonly #owner: CommitterOwner;
  #timer: Timer | undefined;
  #pending = 0;
  #failing = false;
  /** The broker asked for no commit before. */
  #restUntilMs = 0;
  #stopped = false;

  constructor(scope: ConsumerScope, owner: CommitterOwner) {
    this.#scope = scope;
    this.#owner = owner;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** A position may have moved. */
  touch(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    const { engine } = this.#scope.host;
    const atMs = Math.max(engine.nowMs() + this.#scope.settings.commitMs, this.#restUntilMs);
    this.#timer = engine.timers.at(atMs, () => {
      this.#timer = undefined;
      this.#commit();
    });
  }

  /** What was committed is committed again: a broker with `--flush async` forgets the newest commits with its power. */
  again(): void {
    for (const stream of this.#owner.streams.values()) {
      if (stream.committedOffset <= stream.startOffset) continue;
      stream.committedOffset = stream.startOffset;
      this.touch();
    }
  }

  /** What is handled and not yet acknowledged. */
  uncommitted(): Item[] {
    const items: Item[] = [];
    for (const stream of this.#owner.streams.values()) {
      const offset = stream.position;
      if ((stream.state !== 'active' && stream.state !== 'releasing') || offset <= stream.committedOffset) continue;
      items.push({ topic: stream.id.topic, queue: stream.id.queue, offset, leaseEpoch: stream.epoch, stream });
    }
    return items;
  }

  #commit(): void {
    const items = this.uncommitted();
    if (items.length === 0) return;
    const rests = this.#scope.host.engine.nowMs() < this.#restUntilMs;
    if (this.#pending > 0 || rests || !this.#owner.writable) return this.touch();
    for (const part of partsOf(items)) this.#send(part);
  }

  #send(items: readonly Item[]): void {
    const { host, settings } = this.#scope;
    const header = { group: settings.group, member: settings.instanceId, offsets: items, kind: GroupKind.ASSIGNED };
    this.#pending++;
    const options = { timeoutMs: host.settings.attemptMs, codec: CONSUMING_REQUESTS.OFFSET_COMMIT };
    host.request(this.#owner.broker, 'OFFSET_COMMIT', header, options, (error, response) => {
      this.#pending--;
      if (this.#stopped) return;
      if (error !== undefined) return this.#failed(error);
      this.#failing = false;
      this.#committed(
        items,
        new Map(response.header.results.map((result) => [queueKey(result.topic, result.queue), result.code])),
      );
    });
  }

  #committed(items: readonly Item[], codes: ReadonlyMap<string, number>): void {
    for (const { stream, offset, topic, queue } of items) {
      const number = codes.get(queueKey(topic, queue)) ?? 0;
      if (number === 0) {
        stream.committedOffset = Math.max(stream.committedOffset, offset);
        continue;
      }
      const code = codeOfWireNumber(number);
      if (code === 'LEASE_FENCED') this.#owner.onFenced(stream);
      else if (code === 'UNKNOWN_MEMBER') this.#owner.onUnknownMember();
      this.touch();
    }
  }

  /** The next commit says the same and more; trouble is told once in a row. */
  #failed(error: QanatError): void {
    // It is master no longer: where another is, the route tells, and its HELLO_OK.
    if (error.code === 'UNKNOWN_MEMBER') this.#owner.onUnknownMember();
    else if (error.code === 'NOT_MASTER') this.#scope.host.suspect(this.#owner.broker, error);
    else if (!error.retryable && !this.#failing) this.#scope.trouble(error);
    this.#failing = true;
    this.#restUntilMs = this.#scope.host.engine.nowMs() + (error.retryAfterMs ?? 0);
    this.touch();
  }
}

import { createHash } from 'node:crypto';
import type { Message, PushConsumer } from '@qanat/client';
import type { Clock } from '@qanat/core';
import { matches } from '../filters/topic-filter.ts';
import type { TopicRules } from '../mapping/topic-rules.ts';
import type { ShareId, StoredPublication } from '../ports.ts';
import { RETRY_MS, SHARE_WINDOW } from './limits.ts';
import type { LogClient } from './log-client.ts';
import type { QueueTable } from './queue-table.ts';
import { type ReadMessage, storedMessage } from './stored-publication.ts';
import { pause } from './waiting.ts';

/** Characters of a share's name that its group shows. */
const NAME_CHARACTERS = 60;

/** The consumer group of a shared subscription: another one for each name and filter. */
export function shareGroup({ name, filter }: ShareId): string {
  const readable = name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, NAME_CHARACTERS);
  const hash = createHash('sha256').update(`${name}/${filter}`, 'utf8').digest('hex').slice(0, 16);
  return `mqtt-share.${readable}.${hash}`;
}

const keyOf = ({ name, filter }: ShareId): string => `${name}/${filter}`;

export interface SharesScope {
  readonly client: LogClient;
  readonly clock: Clock;
  readonly rules: TopicRules;
  readonly queues: QueueTable;
  readonly read: ReadMessage;
  readonly given: (share: ShareId, message: StoredPublication, settle: (done: boolean) => void) => void;
  readonly onTrouble: (error: unknown) => void;
}

/** What was not settled comes again, here or elsewhere. */
class NotSettled extends Error {}

/**
 * This bridge's members of the groups of shared subscriptions. The group's offset is passed once everything below was settled:
 * a member that goes leaves what it had to the others [MQTT-4.8.2-5].
 */
export class Shares {
  readonly #scope: SharesScope;
  readonly #members = new Map<string, Member>();

  constructor(scope: SharesScope) {
    this.#scope = scope;
  }

  get size(): number {
    return this.#members.size;
  }

  join(share: ShareId): void {
    if (this.#members.has(keyOf(share))) return;
    const member = new Member(this.#scope, share);
    this.#members.set(keyOf(share), member);
    void member.run();
  }

  leave(share: ShareId): void {
    const member = this.#members.get(keyOf(share));
    this.#members.delete(keyOf(share));
    void member?.leave();
  }

  async close(): Promise<void> {
    const members = [...this.#members.values()];
    this.#members.clear();
    await Promise.all(members.map((member) => member.leave()));
  }
}

/** One membership, from `join` to `leave`. */
class Member {
  readonly #scope: SharesScope;
  readonly #share: ShareId;
  #consumer: PushConsumer | undefined;
  #left = false;

  constructor(scope: SharesScope, share: ShareId) {
    this.#scope = scope;
    this.#share = share;
  }

  async run(): Promise<void> {
    const { client, clock, rules, onTrouble } = this.#scope;
    const topics = rules.clusterTopicsOf(this.#share.filter);
    while (!this.#left && topics.length > 0) {
      this.#consumer = client.pushConsumer({
        group: shareGroup(this.#share),
        topics,
        from: 'last',
        strategy: 'sticky',
        concurrency: SHARE_WINDOW,
        retryMs: { first: RETRY_MS / 10, max: RETRY_MS },
      });
      try {
        await this.#consumer.run((message) => this.#take(message));
      } catch (error) {
        if (this.#left) return;
        onTrouble(error);
        await pause(clock, RETRY_MS);
      }
    }
  }

  async leave(): Promise<void> {
    this.#left = true;
    // What is not settled is not passed: the consumer hears of it no more.
    await this.#consumer?.close({ drain: false });
  }

  /** What the filter does not select is passed at once, without a promise. */
  #take(message: Message): Promise<void> | undefined {
    const { queues, read, given } = this.#scope;
    const { topic, broker, queue } = message;
    const stored = storedMessage(read, message, queues.numberOf({ topic, broker, queue }));
    if (stored === undefined || !matches(this.#share.filter, stored.topic)) return undefined;
    return new Promise((resolve, reject) => {
      given(this.#share, stored, (done) => {
        if (done) resolve();
        else reject(new NotSettled());
      });
    });
  }
}

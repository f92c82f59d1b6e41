import { createHash } from 'node:crypto';
import type { QueueId } from '@qanat/core';
import type { ShareId, StoredPublication } from '../ports.ts';
import type { HandedQueue, Handing } from './handed-queue.ts';
import { ShareMember, type SharesScope } from './share-member.ts';
import { ShareMemory } from './share-memory.ts';

/** Characters of a share's name that its group shows. */
const NAME_CHARACTERS = 60;

/** The consumer group of a shared subscription: another one for each name and filter. */
export function shareGroup({ name, filter }: ShareId): string {
  const readable = name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, NAME_CHARACTERS);
  const hash = createHash('sha256').update(`${name}/${filter}`, 'utf8').digest('hex').slice(0, 16);
  return `mqtt-share.${readable}.${hash}`;
}

const keyOf = ({ name, filter }: ShareId): string => `${name}/${filter}`;

/**
 * This bridge's members of the groups of shared subscriptions. The group's offset is passed once everything below was settled:
 * a member that goes leaves what it had to the others [MQTT-4.8.2-5], but what was handed to sessions with QoS 2.
 */
export class Shares {
  readonly #scope: SharesScope;
  readonly #memory = new ShareMemory();
  readonly #members = new Map<string, ShareMember>();
  /** Under which the messages of QoS 2 were given. */
  readonly #givenBy = new WeakMap<StoredPublication, HandedQueue>();
  readonly #unlisten: () => void;

  constructor(scope: Omit<SharesScope, 'memory'>) {
    this.#scope = { ...scope, memory: this.#memory };
    // Those of other consumers are not told apart: for them it is found out once more, too.
    this.#unlisten = scope.client.onEvent((event) => {
      if (event.kind === 'assigned' || event.kind === 'revoked') this.#changed(event.queues);
    });
  }

  get size(): number {
    return this.#members.size;
  }

  /** Behind messages that were given and are not settled. */
  get bytes(): number {
    return this.#memory.bytes;
  }

  join(share: ShareId): void {
    if (this.#members.has(keyOf(share))) return;
    const member = new ShareMember(this.#scope, share, shareGroup(share), this.#givenBy);
    this.#members.set(keyOf(share), member);
    void member.run();
  }

  leave(share: ShareId): void {
    const member = this.#members.get(keyOf(share));
    this.#members.delete(keyOf(share));
    void member?.leave();
  }

  /** How a message of QoS 2 that was given becomes a session's; undefined: it may be another member's. */
  handing(message: StoredPublication): Handing | undefined {
    const queue = this.#givenBy.get(message);
    return queue === undefined || queue.isOver ? undefined : { queue, offset: message.offset };
  }

  /** Forgets what was handed and can never come again. @throws QanatError. */
  async sweep(): Promise<void> {
    await Promise.all([...this.#members.values()].map((member) => member.sweep()));
  }

  async close(): Promise<void> {
    this.#unlisten();
    const members = [...this.#members.values()];
    this.#members.clear();
    await Promise.all(members.map((member) => member.leave()));
  }

  #changed(queues: readonly QueueId[]): void {
    for (const id of queues) {
      const queue = this.#scope.queues.numberOf(id);
      for (const member of this.#members.values()) member.changed(queue);
    }
  }
}

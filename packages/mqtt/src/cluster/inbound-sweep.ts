import type { QueueId } from '@qanat/core';
import type { KeyedState, LogClient } from './log-client.ts';
import type { SessionMirror } from './session-mirror.ts';
import { decodeSession } from './session-record.ts';
import { isLeft, ONCE, queueName, sessionKeyOfOnce } from './state-keys.ts';
import { pages } from './state-mirror.ts';
import type { TopicQueues } from './topic-queues.ts';

export interface InboundSweepScope {
  readonly client: LogClient;
  /** Of the state topic. */
  readonly state: KeyedState;
  readonly stateQueues: TopicQueues;
  /** Of messages. */
  readonly topics: TopicQueues;
  readonly mirror: SessionMirror;
  /** As `InboundExchanges` has it. */
  readonly group: string;
  readonly isMine: (queue: QueueId) => boolean;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Removes what remembers messages of sessions that are over: a bridge may have died before it could, or have stored for a session
 * after its end. Only what was found by two turns goes: a bridge may not know yet of all queues that sessions live in.
 */
export class InboundSweep {
  readonly #scope: InboundSweepScope;
  #found = new Set<string>();

  constructor(scope: InboundSweepScope) {
    this.#scope = scope;
  }

  /** One look at the queues that are this bridge's to look at. */
  async turn(): Promise<void> {
    const { topics, isMine, onTrouble } = this.#scope;
    const found = new Set<string>();
    for (const queue of topics.all().filter(isMine)) {
      try {
        await this.#look(queue, found);
      } catch (error) {
        onTrouble(error);
      }
    }
    this.#found = found;
  }

  async #look(queue: QueueId, found: Set<string>): Promise<void> {
    const { client, group, mirror } = this.#scope;
    const state = client.keyedState(queue.topic);
    const placeOf = (key: string): string => `${queueName(queue)}/${key}`;
    for await (const { entries } of pages(state, queue, ONCE)) {
      const left = entries
        .map(({ key }) => key)
        .filter((key) => isLeft(group, key, mirror.sessions.get(sessionKeyOfOnce(key))?.record));
      for (const key of left) found.add(placeOf(key));
      const gone = await this.#confirmed(left.filter((key) => this.#found.has(placeOf(key))));
      if (gone.length > 0)
        await state.write(
          queue,
          gone.map((key) => ({ key, value: undefined })),
        );
    }
  }

  /** The mirror is a little late: those that are left by the records as they are now. @throws QanatError. */
  async #confirmed(keys: readonly string[]): Promise<readonly string[]> {
    const { group, state, stateQueues } = this.#scope;
    let left = keys;
    for (const queue of left.length === 0 ? [] : stateQueues.all()) {
      const records = await state.get(queue, left.map(sessionKeyOfOnce));
      left = left.filter((key, i) => isLeft(group, key, records[i] && decodeSession(records[i].value)));
    }
    return left;
  }
}

import type { QueueId } from '@qanat/core';
import { placeIds } from '../packet-ids.ts';
import type { Place } from '../ports.ts';
import { queueName } from './state-keys.ts';

interface Known {
  readonly id: QueueId;
  readonly name: string;
  readonly packetIdOf: (offset: number) => number;
}

/** Gives data queues small numbers, which hold as long as this table. Queues that appear later get the next ones. */
export class QueueTable {
  readonly #numbers = new Map<string, number>();
  readonly #queues: Known[] = [];

  /** How many numbers are given: 0 … `size` − 1. */
  get size(): number {
    return this.#queues.length;
  }

  numberOf(id: QueueId): number {
    return this.#number(queueName(id), id);
  }

  /** The number of a queue by the name that it has in records. */
  numberOfName(name: string): number {
    const [topic = '', broker = '', queue = '0'] = name.split('/');
    return this.#number(name, { topic, broker, queue: Number(queue) });
  }

  idOf(number: number): QueueId {
    return this.#at(number).id;
  }

  nameOf(number: number): string {
    return this.#at(number).name;
  }

  /** The packet id of a message of QoS 1, the same at every bridge. */
  packetIdOf({ queue, offset }: Place): number {
    return this.#at(queue).packetIdOf(offset);
  }

  #number(name: string, { topic, broker, queue }: QueueId): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#queues.length;
    this.#queues.push({ id: { topic, broker, queue }, name, packetIdOf: placeIds(name) });
    this.#numbers.set(name, number);
    return number;
  }

  #at(number: number): Known {
    const queue = this.#queues[number];
    if (queue === undefined) throw new RangeError(`there is no queue ${number}`);
    return queue;
  }
}

import type { QueueId } from '@qanat/core';
import { queueName } from './state-keys.ts';

/** Gives data queues small numbers, which hold as long as this table. Queues that appear later get the next ones. */
export class QueueTable {
  readonly #numbers = new Map<string, number>();
  readonly #queues: { readonly id: QueueId; readonly name: string }[] = [];

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

  #number(name: string, { topic, broker, queue }: QueueId): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#queues.length;
    this.#queues.push({ id: { topic, broker, queue }, name });
    this.#numbers.set(name, number);
    return number;
  }

  #at(number: number): { readonly id: QueueId; readonly name: string } {
    const queue = this.#queues[number];
    if (queue === undefined) throw new RangeError(`there is no queue ${number}`);
    return queue;
  }
}

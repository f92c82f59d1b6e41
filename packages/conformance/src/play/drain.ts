import { parseFilter } from '@qanat/core';
import type { HistoryEvent } from '../history/event.ts';
import { isObject, type JsonObject } from '../json.ts';
import { listOf, numberOf, textOf } from './program.ts';

/** Who has to get messages: a group, or a consumer that broadcasts. */
interface Reader {
  readonly name: string;
  readonly clients: Set<string>;
  readonly filters: ReadonlyMap<string, ReadonlySet<string> | undefined>;
  readonly fromIndex: number;
}

interface Stored {
  readonly key: string;
  readonly topic: string;
  readonly tag: string;
  readonly index: number;
}

/** The filters of a call that starts a consumer; one that cannot be read lets everything pass. */
export function filtersOf(args: JsonObject): ReadonlyMap<string, ReadonlySet<string> | undefined> {
  const filters = new Map<string, ReadonlySet<string> | undefined>();
  for (const subscription of listOf(args, 'subscriptions').filter(isObject)) {
    try {
      filters.set(textOf(subscription, 'topic'), parseFilter(textOf(subscription, 'filter', '*')));
    } catch {
      filters.set(textOf(subscription, 'topic'), undefined);
    }
  }
  return filters;
}

/** Follows a history as it grows, and tells when everything that was published has arrived. */
export class Drain {
  readonly #events: readonly HistoryEvent[];
  readonly #stored: Stored[] = [];
  readonly #readers = new Map<string, Reader>();
  readonly #readerOf = new Map<string, Reader>();
  /** What arrived, by reader and message. */
  readonly #arrived = new Set<string>();
  #next = 0;

  constructor(events: readonly HistoryEvent[]) {
    this.#events = events;
  }

  done(): boolean {
    for (; this.#next < this.#events.length; this.#next++) this.#see(this.#events[this.#next] as HistoryEvent, this.#next);
    return this.#stored.every((message) =>
      [...this.#readers.values()].every(
        (reader) => !wants(reader, message) || this.#arrived.has(`${reader.name} ${message.key}`),
      ),
    );
  }

  #see(event: HistoryEvent, index: number): void {
    if (event.kind === 'note' && event.note === 'published') this.#publish(event.args as JsonObject, index);
    if (event.kind === 'call' && event.op === 'consumer.start') this.#start(event.args as JsonObject, index);
    if (event.kind === 'call' && (event.op === 'close' || event.op === 'abandon'))
      this.#end(textOf(event.args as JsonObject, 'client'));
    if (event.kind === 'told' && event.event === 'delivered') {
      const { topic, broker, queue, offset } = event.args as JsonObject;
      const reader = this.#readerOf.get(event.client);
      if (reader !== undefined) this.#arrived.add(`${reader.name} ${topic}/${broker}/${queue}/${offset}`);
    }
  }

  #publish(args: JsonObject, index: number): void {
    if (args.stored !== true) return;
    const { topic, broker, queue } = args;
    listOf(args, 'tags').forEach((tag, i) => {
      const key = `${topic}/${broker}/${queue}/${numberOf(args, 'offset', 0) + i}`;
      this.#stored.push({ key, topic: String(topic), tag: typeof tag === 'string' ? tag : '', index });
    });
  }

  #start(args: JsonObject, index: number): void {
    const client = textOf(args, 'client', 'c');
    const alone = textOf(args, 'mode', 'clustering') !== 'clustering';
    const name = alone ? `client ${client}` : `group ${textOf(args, 'group', 'group')}`;
    const fromIndex = args.from === 'last' ? index : 0;
    const reader = this.#readers.get(name) ?? { name, clients: new Set<string>(), filters: filtersOf(args), fromIndex };
    this.#readers.set(name, reader);
    this.#readerOf.set(client, reader);
    reader.clients.add(client);
  }

  /** A group of nobody need not get anything. */
  #end(client: string): void {
    const reader = this.#readerOf.get(client);
    reader?.clients.delete(client);
  }
}

function wants({ clients, filters, fromIndex }: Reader, { topic, tag, index }: Stored): boolean {
  if (clients.size === 0 || index < fromIndex || !filters.has(topic)) return false;
  const filter = filters.get(topic);
  return filter === undefined || filter.has(tag);
}

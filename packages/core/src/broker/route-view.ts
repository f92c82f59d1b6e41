import { codeNumber } from '../connection/request.ts';
import type { Routes } from '../wire/gen/messages.ts';

/** Queues of a topic at the brokers that have it. */
export type RouteOfTopic = ReadonlyMap<string, { readonly queues: number; readonly away: boolean }>;

/** What one NameServer said last of the topics that are watched there. */
export class RouteView {
  readonly #topics = new Map<string, RouteOfTopic>();

  get(topic: string): RouteOfTopic | undefined {
    return this.#topics.get(topic);
  }

  /** Takes an answer or an update, whole. @returns the topics that it is about. @param own the broker whose share is left out. */
  take(pages: readonly Routes[], own: string): Iterable<string> {
    const away = new Set<string>();
    for (const { brokers } of pages) for (const broker of brokers) if (broker.away) away.add(broker.broker);
    const told = new Map<string, Map<string, { queues: number; away: boolean }>>();
    for (const { routes } of pages) {
      for (const { topic, code, shares } of routes) {
        // A NameServer that has just started knows nothing; that is no news.
        if (code === codeNumber('NOT_READY')) continue;
        const route = told.get(topic) ?? new Map();
        for (const { broker, queues } of shares) if (broker !== own) route.set(broker, { queues, away: away.has(broker) });
        told.set(topic, route);
      }
    }
    for (const [topic, route] of told) this.#topics.set(topic, route);
    return told.keys();
  }

  /** Forgets everything. @returns the topics that were known. */
  clear(): readonly string[] {
    const topics = [...this.#topics.keys()];
    this.#topics.clear();
    return topics;
  }
}

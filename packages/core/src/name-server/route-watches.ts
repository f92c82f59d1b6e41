import type { ServerSession } from '../connection/server-session.ts';
import { QanatError } from '../errors.ts';
import { LIMITS } from '../wire/gen/registry.ts';

/** Watches of all connections. */
export const WATCHES_MAX = 2_000_000;

/** Which connections want to hear of which topics, and which topics changed since they were told. */
export class RouteWatches {
  readonly #bySession = new Map<ServerSession, Set<string>>();
  readonly #byTopic = new Map<string, Set<ServerSession>>();
  #changed = new Set<string>();
  #count = 0;
  readonly #watchesMax: number;

  constructor(watchesMax: number = WATCHES_MAX) {
    this.#watchesMax = watchesMax;
  }

  /** @throws QanatError LIMIT_EXCEEDED; nothing is watched then. */
  add(session: ServerSession, topics: readonly string[]): void {
    const watched = this.#bySession.get(session) ?? new Set<string>();
    const added = [...new Set(topics)].filter((topic) => !watched.has(topic));
    if (watched.size + added.length > LIMITS.WATCHED_TOPICS_MAX) {
      throw new QanatError(
        'LIMIT_EXCEEDED',
        `a connection watches at most ${LIMITS.WATCHED_TOPICS_MAX} topics (WATCHED_TOPICS_MAX)`,
      );
    }
    if (this.#count + added.length > this.#watchesMax)
      throw new QanatError('LIMIT_EXCEEDED', `the connections watch ${this.#count} topics (WATCHES_MAX)`);
    this.#count += added.length;
    this.#bySession.set(session, watched);
    for (const topic of added) {
      watched.add(topic);
      const sessions = this.#byTopic.get(topic) ?? new Set();
      sessions.add(session);
      this.#byTopic.set(topic, sessions);
    }
  }

  remove(session: ServerSession): void {
    this.#count -= this.#bySession.get(session)?.size ?? 0;
    for (const topic of this.#bySession.get(session) ?? []) {
      const sessions = this.#byTopic.get(topic);
      sessions?.delete(session);
      if (sessions?.size === 0) this.#byTopic.delete(topic);
    }
    this.#bySession.delete(session);
  }

  changed(topic: string): void {
    if (this.#byTopic.has(topic)) this.#changed.add(topic);
  }

  /** What each connection must be told; empty the next time. */
  takeChanged(): ReadonlyMap<ServerSession, readonly string[]> {
    const told = new Map<ServerSession, string[]>();
    for (const topic of this.#changed) {
      for (const session of this.#byTopic.get(topic) ?? []) {
        const topics = told.get(session);
        if (topics === undefined) told.set(session, [topic]);
        else topics.push(topic);
      }
    }
    this.#changed = new Set();
    return told;
  }
}

import type { ClientHost } from '../host.ts';
import { type ConnectionHost, queryNameServer } from '../name-server-query.ts';
import { readRoutes } from '../routes-answer.ts';

const POLL_MS = 20;
/** The change itself is done: it is not waited for longer than this until the NameServers tell of it. */
const SETTLE_MS = 2_000;
/** Topics of one question: their names fit a control header. */
const TOPICS_PER_QUESTION = 400;

/** Whether the queues by broker, undefined where the topic is missing, are what they shall be. */
export type Settled = (shares: ReadonlyMap<string, number> | undefined) => boolean;

/** One change that one NameServer has not told of yet. */
interface Change {
  readonly topic: string;
  readonly isDone: Settled;
  readonly told: () => void;
}

/** Asks one NameServer, for all changes that it has not told of yet, again and again. */
class Poll {
  readonly #host: ClientHost & ConnectionHost;
  readonly #address: string;
  readonly #changes = new Set<Change>();
  #polling = false;

  constructor(host: ClientHost & ConnectionHost, address: string) {
    this.#host = host;
    this.#address = address;
  }

  add(change: Change): void {
    this.#changes.add(change);
    if (!this.#polling) this.#ask();
  }

  /** It is no longer waited for. */
  remove(change: Change): void {
    this.#changes.delete(change);
  }

  #ask(): void {
    const asked = [...this.#changes];
    this.#polling = asked.length > 0;
    let open = Math.ceil(asked.length / TOPICS_PER_QUESTION);
    const { engine } = this.#host;
    for (let at = 0; at < asked.length; at += TOPICS_PER_QUESTION) {
      const chunk = asked.slice(at, at + TOPICS_PER_QUESTION);
      queryNameServer(this.#host, this.#address, { topics: chunk.map(({ topic }) => topic) }, (error, pages) => {
        const { topics } = readRoutes(pages);
        for (const change of chunk) {
          const answer = topics.get(change.topic);
          // One that does not answer is not waited for.
          const told = error !== undefined || change.isDone(answer?.verdict === 'found' ? answer.shares : undefined);
          if (told && this.#changes.delete(change)) change.told();
        }
        if (--open === 0) engine.timers.at(engine.nowMs() + POLL_MS, () => this.#ask());
      });
    }
  }
}

/**
 * Brokers tell the NameServers of a change a moment after they made it. Waits until every NameServer that answers says so too,
 * so that whoever asks next, and wherever, sees it.
 */
export class Settling {
  readonly #host: ClientHost & ConnectionHost;
  readonly #polls = new Map<string, Poll>();

  constructor(host: ClientHost & ConnectionHost) {
    this.#host = host;
  }

  wait(topic: string, timeoutMs: number, isDone: Settled, done: () => void): void {
    const { engine, settings } = this.#host;
    const pairs = settings.nameServers.map((address) => ({ poll: this.#poll(address), change: { topic, isDone, told } }));
    let open = pairs.length;
    const timer = engine.timers.at(engine.nowMs() + Math.min(timeoutMs, SETTLE_MS), () => {
      for (const { poll, change } of pairs) poll.remove(change);
      done();
    });
    function told(): void {
      if (--open > 0) return;
      timer.cancel();
      done();
    }
    for (const { poll, change } of pairs) poll.add(change);
  }

  #poll(address: string): Poll {
    const known = this.#polls.get(address);
    if (known !== undefined) return known;
    const poll = new Poll(this.#host, address);
    this.#polls.set(address, poll);
    return poll;
  }
}

import type { Exchange, View } from '../../history/view.ts';
import type { Lives } from './lives.ts';
import { isUncertain } from './sends.ts';

interface Change {
  readonly exchange: Exchange;
  readonly start: number;
  readonly end: number;
  /** Queues from then on; 0: it was removed. Undefined: nobody knows. */
  readonly queues: number | undefined;
}

/** A topic at a moment. */
export interface TopicKnown {
  /** 0: there is none. */
  readonly queues: number;
}

const CHANGES = ['TOPIC_CREATE', 'TOPIC_ALTER', 'TOPIC_REMOVE'] as const;

/** What the kit has made of topics, and what it therefore knows of them. */
export class TopicBook {
  readonly #lives: Lives;
  readonly #changes = new Map<string, Change[]>();

  constructor(view: View, lives: Lives) {
    this.#lives = lives;
    const exchanges = CHANGES.flatMap((name) => view.requests(name, 'kit'));
    for (const exchange of exchanges.sort((a, b) => a.request.index - b.request.index)) this.#add(exchange);
  }

  /** Undefined where what is on its way, or was lost, makes it uncertain. */
  at(topic: string, from: number, to: number): TopicKnown | undefined {
    const changes = this.#before(topic, to);
    if (changes.some(({ end, queues }) => end > from || queues === undefined)) return undefined;
    const last = changes.at(-1);
    if (last !== undefined && this.#lives.mayLose(last.end, to)) return undefined;
    return { queues: last?.queues ?? 0 };
  }

  /** How often the topic was made anew: with it a queue counts from 0 again. Undefined where that is not certain. */
  generation(topic: string, from: number, to: number): number | undefined {
    const changes = this.#before(topic, to);
    if (changes.some(({ exchange, end, queues }) => exchange.name === 'TOPIC_REMOVE' && (end > from || queues === undefined)))
      return undefined;
    return changes.filter(({ queues }) => queues === 0).length;
  }

  #add(exchange: Exchange): void {
    const { request, response, code, answer, name, header } = exchange;
    if (header === undefined) return;
    // A definite error has no effect; class 6xxx tells nothing.
    if (code !== undefined && !isUncertain(code)) return;
    const removes = name === 'TOPIC_REMOVE' && response !== undefined && code === undefined;
    const change = {
      exchange,
      start: request.index,
      end: response?.index ?? Number.POSITIVE_INFINITY,
      queues: removes ? 0 : answer?.queues,
    };
    const list = this.#changes.get(header.topic);
    if (list === undefined) this.#changes.set(header.topic, [change]);
    else list.push(change);
  }

  #before(topic: string, to: number): readonly Change[] {
    return (this.#changes.get(topic) ?? []).filter(({ start }) => start < to);
  }
}

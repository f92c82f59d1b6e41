import type { Exchange, View } from '../../history/view.ts';

/** A topic of the broker under test from somewhere in an exchange on. */
export interface TopicChange {
  readonly topic: string;
  /** Undefined for none: it was removed. */
  readonly queues: number | undefined;
  readonly exchange: Exchange;
  /** Not only what it was before. */
  readonly isNew: boolean;
  /** Places of its question and of its answer. */
  readonly from: number;
  readonly to: number;
  readonly toMs: number;
}

const NAMES = new Set(['TOPIC_CREATE', 'TOPIC_ALTER', 'TOPIC_REMOVE']);

/** What the kit has asked for and the broker acknowledged, topic by topic. */
export class TopicBook {
  /** Changes whose order is clear: no other question for the topic came while they were made. */
  readonly changes: readonly TopicChange[];
  readonly #slackMs: number;
  readonly #asked = new Map<string, Exchange[]>();

  constructor(view: View) {
    this.#slackMs = view.slackMs;
    for (const exchange of view.exchanges) {
      const { name, request, header } = exchange;
      if (request.from !== 'kit' || !NAMES.has(name ?? '') || header === undefined) continue;
      this.#asked.set(header.topic, [...(this.#asked.get(header.topic) ?? []), exchange]);
    }
    const changes = [...this.#asked.values()].flatMap(changesOf);
    this.changes = changes.sort((a, b) => a.to - b.to);
  }

  /** Whether anything else was asked about the topic of a change between two instants: it may be undone, or undo something. */
  isAskedBetween({ topic, exchange }: TopicChange, fromMs: number, untilMs: number): boolean {
    return (this.#asked.get(topic) ?? []).some(
      (other) => other !== exchange && (other.response?.atMs ?? untilMs) >= fromMs && other.request.atMs <= untilMs,
    );
  }

  /** Topics that the broker has for certain at a place, with their queues: the last word on each is some time old. */
  at(index: number, atMs: number): ReadonlyMap<string, number> {
    const topics = new Map<string, number>();
    for (const { topic, queues, toMs } of this.changes) {
      if (toMs + this.#slackMs >= atMs) break;
      if (queues === undefined) topics.delete(topic);
      else topics.set(topic, queues);
    }
    // A question that is not answered yet, or was a moment ago, may have changed it already.
    const isFresh = ({ request, response }: Exchange): boolean =>
      request.index < index && (response === undefined || response.atMs + this.#slackMs >= atMs);
    for (const topic of [...topics.keys()]) if (this.#asked.get(topic)?.some(isFresh)) topics.delete(topic);
    return topics;
  }
}

/** All changes of one topic. */
function changesOf(asked: readonly Exchange[]): readonly TopicChange[] {
  let before: number | undefined;
  return asked.flatMap((exchange) => {
    const changes = changeOf(exchange, asked, before);
    before = changes.length > 0 ? changes[0]?.queues : undefined;
    return changes;
  });
}

/** @param before how many queues the topic had, where that is known. */
function changeOf(exchange: Exchange, asked: readonly Exchange[], before: number | undefined): readonly TopicChange[] {
  const { name, header, answer, request, response } = exchange;
  if (response === undefined || answer === undefined || (name === 'TOPIC_CREATE' && answer.existed)) return [];
  const meets = asked.some(
    (other) =>
      other !== exchange &&
      other.request.index < response.index &&
      (other.response?.index ?? Number.POSITIVE_INFINITY) > request.index,
  );
  if (meets) return [];
  const queues = name === 'TOPIC_REMOVE' ? undefined : (answer.queues as number);
  const isNew = name !== 'TOPIC_ALTER' || (before !== undefined && before !== queues);
  return [{ topic: header.topic, queues, isNew, exchange, from: request.index, to: response.index, toMs: response.atMs }];
}

const BOOKS = new WeakMap<View, TopicBook>();

export function topicBookOf(view: View): TopicBook {
  const made = BOOKS.get(view) ?? new TopicBook(view);
  BOOKS.set(view, made);
  return made;
}

import { QanatError, wireNumberOf } from '../errors.ts';
import type { BrokerRoute, Routes } from '../wire/gen/messages.ts';

const NOT_READY = wireNumberOf('NOT_READY');
const FORBIDDEN = wireNumberOf('FORBIDDEN');

/** What an answer says of one topic. */
export interface TopicAnswer {
  verdict: 'found' | 'not-found' | 'not-ready';
  /** Not found, because this client may not hear of it. */
  forbidden: boolean;
  /** Queues by broker. */
  readonly shares: Map<string, number>;
}

/** An answer to ROUTE_QUERY, or a ROUTE_UPDATE, its frames joined. */
export interface RoutesAnswer {
  readonly topics: Map<string, TopicAnswer>;
  readonly brokers: readonly BrokerRoute[];
}

/** Joins the frames of an answer; the shares of one topic may be in several of them. */
export function readRoutes(pages: readonly Routes[]): RoutesAnswer {
  const topics = new Map<string, TopicAnswer>();
  const brokers: BrokerRoute[] = [];
  for (const page of pages) {
    brokers.push(...page.brokers);
    for (const route of page.routes) {
      const verdict = route.code === 0 ? 'found' : route.code === NOT_READY ? 'not-ready' : 'not-found';
      const answer = topics.get(route.topic) ?? { verdict, forbidden: route.code === FORBIDDEN, shares: new Map() };
      topics.set(route.topic, answer);
      for (const share of route.shares) answer.shares.set(share.broker, share.queues);
    }
  }
  return { topics, brokers };
}

/** Adds what another NameServer says: a topic is found when one of them has it, and missing only when all say so. */
export function addAnswer(into: Map<string, TopicAnswer>, from: ReadonlyMap<string, TopicAnswer>): void {
  for (const [topic, answer] of from) {
    const known = into.get(topic);
    if (known === undefined) into.set(topic, { ...answer, shares: new Map(answer.shares) });
    else {
      known.forbidden ||= answer.forbidden;
      if (known.verdict !== 'found' && answer.verdict !== 'not-found') known.verdict = answer.verdict;
      for (const [broker, queues] of answer.shares) known.shares.set(broker, queues);
    }
  }
}

/** What a caller is told whose client may not hear of a topic. */
export const mayNotSee = (topic: string): QanatError =>
  new QanatError('FORBIDDEN', `this user may not hear of topic "${topic}"`, {
    outcome: 'not-sent',
    hint: `ask the operator for "read topic:${topic}" or "write topic:${topic}"`,
  });

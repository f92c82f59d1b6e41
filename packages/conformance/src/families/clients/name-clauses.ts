import { LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { Exchange, Header, View } from '../../history/view.ts';
import { isObject, type JsonObject } from '../../json.ts';
import { listOf, textOf } from '../../play/program.ts';
import { asked, type Facts, factsOf } from './facts.ts';
import { readSentBatch } from './records.ts';
import { CLIENTS } from './roles.ts';

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

const isName = (text: string): boolean => text.length <= LIMITS.TOPIC_NAME_BYTES_MAX && NAME.test(text);

/** Names in a request, but for those that a server is asked about: it is the one to say that they are none. */
function namesIn({ name, header }: Exchange): readonly string[] {
  if (header === undefined) return [];
  const topics = (list: readonly { readonly topic: string }[] | undefined): string[] => (list ?? []).map(({ topic }) => topic);
  const group: string[] = header.group ? [header.group] : [];
  if (name === 'SEND') return [header.topic];
  if (name === 'PULL') return [...group, ...topics(header.topics)];
  if (name === 'CLIENT_HEARTBEAT') return [...group, ...topics(header.subscription?.topics)];
  return name === 'OFFSET_COMMIT' || name === 'RELEASE' || name === 'LEAVE' ? [...group, ...topics(header.offsets)] : group;
}

const grammar: Clause = {
  id: 'QNT-NAM-001',
  roles: CLIENTS,
  check(view, judge) {
    for (const exchange of factsOf(view).connections.flatMap(asked)) {
      const names = namesIn(exchange);
      const wrong = names.find((one) => !isName(one));
      if (names.length > 0)
        judgeThat(
          judge,
          exchange.request,
          wrong === undefined,
          () => `expected names that keep the grammar, got ${JSON.stringify(wrong?.slice(0, 40))} in ${exchange.name}`,
        );
    }
    for (const { call, result } of view.calls('send')) {
      if (!isObject(call.args) || isName(textOf(call.args, 'topic')) || result === undefined) continue;
      judgeThat(
        judge,
        result.index,
        result.error?.kind === 'failed',
        () =>
          `expected a message to ${JSON.stringify(textOf(call.args as JsonObject, 'topic').slice(0, 40))}, which is no topic name, to be refused`,
      );
    }
  },
};

/** Whether the program has topics whose names differ in their case only. */
function hasTwins(view: View): boolean {
  const setup = view.notes('setup')[0]?.args;
  const topics = isObject(setup) ? listOf(setup, 'topics').map((one) => (isObject(one) ? textOf(one, 'topic') : '')) : [];
  return new Set(topics.map((topic) => topic.toLowerCase())).size < topics.length;
}

const byteForByte: Clause = {
  id: 'QNT-NAM-002',
  roles: CLIENTS,
  check(view, judge) {
    if (!hasTwins(view)) return;
    judgeSent(factsOf(view), judge);
    judgeDelivered(view, judge);
  },
};

/** Messages go to the topic of their call. */
function judgeSent(facts: Facts, judge: Judge): void {
  const topics = new Map(
    facts.view
      .calls('send')
      .flatMap(({ call: { args } }) => (isObject(args) ? [[textOf(args, 'body'), textOf(args, 'topic')]] : [])) as [
      string,
      string,
    ][],
  );
  for (const { name, header, request } of facts.connections.flatMap(asked)) {
    if (name !== 'SEND' || header === undefined) continue;
    for (const { body } of readSentBatch(request.payload)) {
      const topic = topics.get(body);
      if (topic !== undefined)
        judgeThat(
          judge,
          request,
          topic === header.topic,
          () => `expected a message for ${topic} to go there, got it sent to ${header.topic}`,
        );
    }
  }
}

/** Messages are delivered as of the topic in which they lie, to whom subscribed to that. */
function judgeDelivered(view: View, judge: Judge): void {
  const topics = new Map<string, string>();
  for (const { args } of view.notes('published'))
    if (isObject(args)) for (const body of listOf(args, 'bodies')) topics.set(String(body), textOf(args, 'topic'));
  for (const { args, index, client } of view.told('delivered')) {
    if (!isObject(args)) continue;
    const topic = topics.get(textOf(args, 'body'));
    const run = factsOf(view).clients.find(({ name }) => name === client);
    const wanted = listOf(run?.args ?? {}, 'subscriptions').map((one) => (one as Header).topic);
    if (topic !== undefined)
      judgeThat(
        judge,
        index,
        topic === textOf(args, 'topic') && wanted.includes(topic),
        () => `expected messages of ${wanted.join(' and ')}, got one of ${topic} as of ${textOf(args as JsonObject, 'topic')}`,
      );
  }
}

export const NAME_CLAUSES: readonly Clause[] = [grammar, byteForByte];

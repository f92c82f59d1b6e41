import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { FrameSeen, View } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { listOf, textOf } from '../../play/program.ts';
import { asked, factsOf } from './facts.ts';
import { readSentBatch } from './records.ts';
import { CLIENTS } from './roles.ts';

/** The topics that messages were meant for, by their bodies. */
function homesOf(view: View): ReadonlyMap<string, string> {
  const homes = new Map<string, string>();
  for (const { call } of view.calls('send')) {
    if (!isObject(call.args)) continue;
    const messages = [call.args, ...listOf(call.args, 'batch').filter(isObject)];
    for (const message of messages) homes.set(textOf(message, 'body'), textOf(call.args, 'topic'));
  }
  for (const { args } of view.notes('published'))
    if (isObject(args)) for (const body of listOf(args, 'bodies')) homes.set(String(body), textOf(args, 'topic'));
  homes.delete('');
  return homes;
}

/** Where messages went to, or came from, as the subject has it. */
function* placesOf(view: View): Generator<{ readonly at: FrameSeen | number; readonly topic: string; readonly body: string }> {
  for (const { name, header, request } of factsOf(view).connections.flatMap(asked))
    if (name === 'SEND' && header !== undefined)
      for (const { body } of readSentBatch(request.payload)) yield { at: request, topic: header.topic, body };
  for (const { args, index } of view.told('delivered'))
    if (isObject(args)) yield { at: index, topic: textOf(args, 'topic'), body: textOf(args, 'body') };
}

/** Topics whose names differ in their case only. */
const byteForByte: Clause = {
  id: 'QNT-NAM-002',
  roles: CLIENTS,
  check(view, judge) {
    const homes = homesOf(view);
    const topics = new Set(homes.values());
    const hasTwin = (topic: string): boolean =>
      [...topics].some((other) => other !== topic && other.toLowerCase() === topic.toLowerCase());
    for (const { at, topic, body } of placesOf(view)) {
      const home = homes.get(body);
      if (home !== undefined && hasTwin(home))
        judgeThat(
          judge,
          at,
          topic === home,
          () => `expected a message of ${home} there, got it at ${topic}, which is another topic`,
        );
    }
  },
};

export const NAME_CLAUSES: readonly Clause[] = [byteForByte];

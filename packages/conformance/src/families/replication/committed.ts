import type { Exchange, FrameSeen } from '../../history/view.ts';
import type { MasterFacts } from './master-facts.ts';
import type { Sentences } from './sentences.ts';

const COUNTED = 'QNT-RPL-005';
const STORED = 'QNT-RPL-010';
const ENOUGH = 'QNT-RPL-011';
const LIVES = 'QNT-RPL-012';
const REFUSED = 'QNT-RPL-028';
/** What is on record does not change in between. */
const SETTLED_MS = 100;

/** What a master has said to be committed, up to a position. */
interface Commitment {
  readonly at: FrameSeen;
  readonly position: number;
  readonly what: string;
}

/** What is committed is stored by everybody on record, by what counts. @param sentences take what is found. */
export function judgeCommitted(facts: MasterFacts, sentences: Sentences): void {
  /** What was committed rightly stays so, whoever joins later. */
  let floor = 0;
  for (const { at, position, what } of commitmentsIn(facts)) {
    const limit = Math.max(floor, facts.limitAt(at.index));
    if (facts.slavesAt(at.index).length === 0) {
      floor = Math.max(floor, position);
      continue;
    }
    const reason = reasonFor(facts, at.index, position);
    const says = (): string =>
      `${what} says that everything below ${position} is committed; the in-sync set on record has stored it up to ${limit}`;
    sentences.that(STORED, at, position <= limit || reason !== undefined, says);
    if (position > limit && reason !== undefined) sentences.fail(reason, at, says());
    else for (const id of temptationsAt(facts, at.index, limit)) sentences.pass(id, at);
    if (position <= limit) floor = Math.max(floor, position);
  }
  for (const send of facts.sends) judgeEnough(facts, send, sentences);
  judgeStandstill(facts, sentences);
}

function commitmentsIn(facts: MasterFacts): readonly Commitment[] {
  const answers = facts.asked.flatMap(({ answer, response }) =>
    answer === undefined || response === undefined ? [] : [{ at: response, position: answer.committed, what: 'the answer' }],
  );
  const sends = facts.sends.flatMap((send) => {
    const { answer, response } = send;
    if (answer === undefined || response === undefined) return [];
    return [{ at: response, position: facts.endOf(send) ?? Number.POSITIVE_INFINITY, what: 'that the SEND is acknowledged' }];
  });
  return [...answers, ...sends].sort((a, b) => a.at.index - b.at.index);
}

/** Claims of slaves on record that do not count, and go beyond what does. */
function claimsAt(facts: MasterFacts, index: number, above: number): readonly string[] {
  const slaves = facts.slavesAt(index);
  const numbers = slaves.map((member) => member.split('/')[0]);
  return facts.acks.flatMap(({ member, stored, counts, index: at }) => {
    if (at > index || stored <= above) return [];
    if (slaves.includes(member)) return counts ? [] : [COUNTED];
    return numbers.includes(member.split('/')[0]) ? [LIVES] : [];
  });
}

/** The clause that is broken where a claim that does not count has been counted. */
const reasonFor = (facts: MasterFacts, index: number, position: number): string | undefined =>
  position > facts.limitAt(index) ? claimsAt(facts, index, facts.limitAt(index))[0] : undefined;

const temptationsAt = (facts: MasterFacts, index: number, limit: number): ReadonlySet<string> =>
  new Set(claimsAt(facts, index, limit));

/** Fewer in sync than there have to be: nothing is taken that has to be committed. */
function judgeEnough(facts: MasterFacts, send: Exchange, sentences: Sentences): void {
  const { request, response, code } = send;
  const record = facts.onRecord(request.index);
  if (record === undefined || sizeIn(record.record) >= facts.minInSync) return;
  const untilMs = request.atMs + SETTLED_MS + facts.view.slackMs;
  if (facts.puts.some(({ sent, exchange }) => sent > record.sent && exchange.request.atMs < untilMs)) return;
  const isThere = facts.endOf(send) !== undefined;
  const says = (): string =>
    `in sync are ${sizeIn(record.record)} replicas of ${facts.minInSync} that there have to be: the SEND has to be refused with NOT_ENOUGH_REPLICAS, and was answered ${response === undefined ? 'not at all' : (code ?? 'without an error')}${isThere ? '; it stands in the log' : ''}`;
  if (isThere || code === 'NOT_ENOUGH_REPLICAS' || (response !== undefined && code === undefined))
    sentences.that(REFUSED, response ?? request, code === 'NOT_ENOUGH_REPLICAS' && !isThere, says, 'code');
}

const sizeIn = ({ inSync }: { readonly inSync: readonly unknown[] }): number => inSync.length;

/** And nothing that is in the log already is committed. */
function judgeStandstill(facts: MasterFacts, sentences: Sentences): void {
  const answers = facts.asked.filter(({ answer }) => answer !== undefined);
  judgeBeginning(facts, answers, sentences);
  answers.forEach((one, i) => {
    const next = answers[i + 1];
    const record = facts.onRecord(one.request.index);
    if (next?.response === undefined || record === undefined || sizeIn(record.record) >= facts.minInSync) return;
    if (facts.puts.some(({ sent }) => sent > record.sent && sent < (next.response?.index ?? 0))) return;
    const says = (): string =>
      `with ${sizeIn(record.record)} replicas in sync nothing may be committed; the position went from ${one.answer.committed} to ${next.answer.committed}`;
    sentences.that(ENOUGH, next.response, next.answer.committed <= one.answer.committed, says, 'committed');
  });
}

/** In a new log nothing is committed before enough are in sync. */
function judgeBeginning(facts: MasterFacts, answers: readonly Exchange[], sentences: Sentences): void {
  if (facts.view.of('subject').length > 0) return;
  for (const { answer, response } of answers) {
    const before = facts.puts.filter(({ sent }) => sent < (response as FrameSeen).index);
    if (before.length === 0 || before.some(({ record }) => sizeIn(record) >= facts.minInSync)) continue;
    const says = (): string =>
      `never were ${facts.minInSync} replicas in sync, and everything below ${answer.committed} is committed`;
    sentences.that(ENOUGH, response as FrameSeen, answer.committed === 0, says, 'committed');
  }
}

import { nameError } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { codeName, type Exchange, type Header, type View } from '../../history/view.ts';
import { type Act, classOf, isShort, plainRequests, type Span, spanOf, subjectEvents } from './acts.ts';
import { type BrokerModel, modelOf } from './broker-model.ts';
import type { Committed } from './committed.ts';
import { GROUP_KINDS } from './group-model.ts';
import { isWithin, QueueModel, shownRange } from './queue-model.ts';
import { expectCode, expectServed } from './timing.ts';
import type { Life } from './topic-model.ts';

/** One queue of an OFFSET_COMMIT: what `commitOffset` says of it, where that is known, and what was answered. */
interface Item {
  readonly topic: string;
  readonly queue: number;
  readonly offset: number;
  readonly epoch: number;
  readonly expected: string | undefined;
  readonly got: string;
}

interface CommitSeen {
  readonly exchange: Exchange;
  readonly span: Span;
  readonly group: string;
  readonly items: readonly Item[];
}

const nameOf = ({ topic, queue, offset }: Item): string => `${topic}/${queue} to ${offset}`;

/** The commits that were answered without an error of the whole. */
function commitsOf(view: View): readonly CommitSeen[] {
  const model = modelOf(view);
  return plainRequests(view, 'OFFSET_COMMIT').flatMap((exchange) => {
    const { answer, header, code } = exchange;
    if (answer === undefined || code !== undefined) return [];
    const span = spanOf(view, exchange);
    const isHere = (one: Header, item: Header): boolean => one.topic === item.topic && one.queue === item.queue;
    const single: readonly Header[] = header.offsets.filter(
      (item: Header) => header.offsets.filter((one: Header) => isHere(one, item)).length === 1,
    );
    const items = single.map((item) => ({
      topic: item.topic,
      queue: item.queue,
      offset: item.offset,
      epoch: item.leaseEpoch,
      expected: expectedOf(model, header, item, span),
      got: codeName(answer.results.find((one: Header) => isHere(one, item))?.code ?? 0),
    }));
    return [{ exchange, span, group: header.group, items }];
  });
}

/** The pseudo-code `commitOffset` with what is known. */
function expectedOf(model: BrokerModel, header: Header, item: Header, span: Span): string | undefined {
  const { topic, queue: number, offset, leaseEpoch } = item;
  const queue = model.queue(topic, number, span);
  if (!(queue instanceof QueueModel)) return queue;
  const group = model.group(header.group);
  const kind = group.exists(span) === false ? header.kind : undefined;
  const may = kind === 1 ? true : group.mayCommit(topic, number, header.member, leaseEpoch, span);
  if (may !== true) return may === false ? 'LEASE_FENCED' : undefined;
  if (offset > queue.highWatermark(span).most || offset < queue.oldest(span).least) return 'OFFSET_OUT_OF_RANGE';
  return offset <= queue.highWatermark(span).least && offset >= queue.oldest(span).most ? 'OK' : undefined;
}

/** @returns a clause about the items of which something is said. */
const itemClause = (id: string, what: string, concerns: (item: Item) => boolean): Clause => ({
  id,
  roles: ['broker'],
  check(view, judge) {
    for (const { exchange, items } of commitsOf(view))
      for (const item of items) {
        const { response } = exchange;
        if (response === undefined || item.expected === undefined || !concerns(item)) continue;
        judgeThat(
          judge,
          response,
          item.got === item.expected,
          () => `expected ${item.expected} for the commit of ${nameOf(item)} ${what}, got ${item.got}`,
          'code',
        );
      }
  },
});

const eachByItself: Clause = {
  id: 'QNT-OFS-002',
  roles: ['broker'],
  check(view, judge) {
    for (const exchange of plainRequests(view, 'OFFSET_COMMIT'))
      if (exchange.code !== undefined && classOf(exchange) === 4 && isGoodRequest(view, exchange))
        judge.fail(
          exchange.response ?? exchange.request,
          `expected each queue to be judged by itself, got ${exchange.code}`,
          'code',
        );
    for (const { exchange, items } of commitsOf(view)) {
      const wrong = items.find(({ expected, got }) => expected !== undefined && expected !== got);
      const { response, answer, header } = exchange;
      if (response === undefined) continue;
      const foreign = answer.results.find(
        (one: Header) =>
          one.code === 0 || !header.offsets.some((item: Header) => item.topic === one.topic && item.queue === one.queue),
      );
      if (foreign !== undefined)
        judge.fail(
          response,
          `expected those that failed, got ${foreign.topic}/${foreign.queue} with ${codeName(foreign.code)}`,
          'results',
        );
      else if (wrong !== undefined)
        judge.fail(response, `expected ${wrong.expected} for the commit of ${nameOf(wrong)}, got ${wrong.got}`, 'results');
      else if (new Set(items.map(({ expected }) => expected === 'OK')).size === 2) judge.pass(response);
    }
    // What was good is stored, whatever became of the others.
    judgeFetched(view, judge, (one) => hasCommit(view, one, (_, { answer }) => answer.results.length > 0));
  },
};

/** A group that is there, of the kind that is named or of none, and an answer that fits. */
function isGoodRequest(view: View, exchange: Exchange): boolean {
  const { group, kind } = exchange.header;
  const known = modelOf(view).group(group);
  const span = spanOf(view, exchange);
  return isShort(exchange) && (kind === 0 ? known.exists(span) === true : known.kind(span) === kind);
}

const kindConflict: Clause = {
  id: 'QNT-OFS-008',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'OFFSET_COMMIT')) {
      const { group, kind } = exchange.header;
      const has = model.group(group).kind(spanOf(view, exchange));
      if (has === undefined || !isShort(exchange) || kind === 2) continue;
      const what = `a commit of kind ${GROUP_KINDS[kind as 0]} in the group ${group} of kind ${GROUP_KINDS[has as 0]}`;
      if (kind === 1 && has === 0) expectCode(view, judge, exchange, 'GROUP_KIND_CONFLICT', what);
      else if (kind !== has) expectServedKind(view, judge, exchange, what);
    }
  },
};

function expectServedKind(view: View, judge: Judge, exchange: Exchange, what: string): void {
  if (expectServed(view, judge, exchange, what)) judge.pass(exchange.response ?? exchange.request);
}

const makesGroup: Clause = {
  id: 'QNT-OFS-007',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'OFFSET_COMMIT')) {
      const { group, kind } = exchange.header;
      const { response, code } = exchange;
      const isGood = nameError(group) === undefined && kind < 2 && isShort(exchange);
      if (!isGood || response === undefined || classOf(exchange) !== 4 || code === 'LIMIT_EXCEEDED') continue;
      if (model.group(group).exists(spanOf(view, exchange)) === false)
        judge.fail(
          response,
          `expected a commit to make the group ${group} of kind ${GROUP_KINDS[kind as 0]}, got ${code}`,
          'code',
        );
    }
    for (const exchange of plainRequests(view, 'GROUP_DESCRIBE')) {
      const span = spanOf(view, exchange);
      const group = model.group(exchange.header.group);
      const kind = group.kind(span);
      const { response, code, answer } = exchange;
      if (kind === undefined || response === undefined) continue;
      // Others are made by their first member.
      if (group.subscribers.some(({ from }) => from < span.to)) continue;
      const what = `the group ${group.name} of kind ${GROUP_KINDS[kind as 0]} that a commit has made`;
      if (code === 'GROUP_NOT_FOUND') judge.fail(response, `expected ${what}, got ${code}`, 'code');
      else if (answer !== undefined)
        judgeThat(judge, response, answer.kind === kind, () => `expected ${what}, got ${GROUP_KINDS[answer.kind as 0]}`, 'kind');
    }
  },
};

/** One queue of an OFFSET_FETCH with what is known of its offset. */
export interface FetchedSeen {
  readonly exchange: Exchange;
  readonly span: Span;
  readonly topic: string;
  readonly queue: number;
  readonly group: string;
  readonly life: Life;
  /** 0: assigned, 1: free. */
  readonly kind: number | undefined;
  readonly known: Committed;
  readonly committed: boolean;
  readonly offset: number;
}

/** The items of OFFSET_FETCH answers whose queue is there and of which something is known. */
export function fetchesOf(view: View): readonly FetchedSeen[] {
  const model = modelOf(view);
  return plainRequests(view, 'OFFSET_FETCH').flatMap((exchange) => {
    const { answer, header } = exchange;
    if (answer === undefined || exchange.code !== undefined) return [];
    const span = spanOf(view, exchange);
    const group = model.group(header.group);
    return answer.offsets.flatMap(({ topic, queue, code, committed, offset }: Header) => {
      const life = model.topic(topic, span);
      if (code !== 0 || life === undefined || life === 'absent') return [];
      const known = group.committed(life, queue, span);
      if (known === undefined) return [];
      return [{ exchange, span, topic, queue, group: group.name, life, kind: group.kind(span), known, committed, offset }];
    });
  });
}

/** What is wrong with an offset that was told. */
export function wrongOffset({ known }: Pick<FetchedSeen, 'known'>, committed: boolean, offset: number): string | undefined {
  if (known.has === false) return committed ? `expected no offset, got ${offset}` : undefined;
  if (!committed) return known.has === true ? `expected the offset ${shownRange(known)}, got none` : undefined;
  return isWithin(offset, known) ? undefined : `expected the offset ${shownRange(known)}, got ${offset}`;
}

/** Judges the fetched offsets that a rule is about. */
function judgeFetched(view: View, judge: Judge, concerns: (one: FetchedSeen) => boolean): void {
  for (const one of fetchesOf(view)) {
    const { exchange, topic, queue, group, committed, offset } = one;
    if (exchange.response === undefined || !concerns(one)) continue;
    const wrong = wrongOffset(one, committed, offset);
    judgeThat(judge, exchange.response, wrong === undefined, () => `${group} in ${topic}/${queue}: ${wrong}`, 'offset');
  }
}

/** @returns a clause about fetched offsets. */
const fetchClause = (id: string, concerns: (one: FetchedSeen, view: View) => boolean): Clause => ({
  id,
  roles: ['broker'],
  check(view, judge) {
    judgeFetched(view, judge, (one) => concerns(one, view));
  },
});

/** A commit of the group in this queue, that was answered well, has these properties. */
function hasCommit(view: View, one: FetchedSeen, isSo: (offset: number, act: Act) => boolean): boolean {
  const isHere = ({ topic, queue }: Header): boolean => topic === one.topic && queue === one.queue;
  const isStored = ({ name, done, answer, from, to }: Act): boolean =>
    name === 'OFFSET_COMMIT' && done === 'yes' && from > one.life.made.from && to < one.span.from && !answer.results.some(isHere);
  return modelOf(view)
    .group(one.group)
    .acts.some((act) => isStored(act) && act.header.offsets.some((item: Header) => isHere(item) && isSo(item.offset, act)));
}

/** The subject began anew between the commit and the question. */
const wasRestarted = (one: FetchedSeen, view: View): boolean =>
  subjectEvents(view).some(
    ({ what, index }) => what === 'started' && index < one.span.from && hasCommit(view, one, (_, { to }) => to < index),
  );

/** What OFFSET_COMMIT does. */
export const OFFSET_COMMITS: readonly Clause[] = [
  fetchClause('QNT-OFS-001', wasRestarted),
  eachByItself,
  fetchClause('QNT-OFS-003', (one, view) => one.kind === 0 && hasCommit(view, one, (offset) => offset < one.known.least)),
  fetchClause('QNT-OFS-004', (one, view) => one.kind === 1 && hasCommit(view, one, () => true)),
  itemClause(
    'QNT-OFS-005',
    'by the bounds of the queue',
    ({ expected, got }) => expected === 'OFFSET_OUT_OF_RANGE' || got === 'OFFSET_OUT_OF_RANGE',
  ),
  itemClause(
    'QNT-OFS-006',
    'by its lease',
    ({ expected, got, epoch }) => expected === 'LEASE_FENCED' || got === 'LEASE_FENCED' || epoch !== 0,
  ),
  makesGroup,
  kindConflict,
];

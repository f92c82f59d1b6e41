import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { Header, View } from '../../history/view.ts';
import { plainRequests, spanOf, subjectEvents } from './acts.ts';
import { modelOf } from './broker-model.ts';
import { codeOf, type ResetSeen, resetsOf } from './group-clauses.ts';
import { type FetchedSeen, fetchesOf, wrongOffset } from './offset-commits.ts';
import { isWithin, shownRange } from './queue-model.ts';

const nameOf = ({ group, life, queue }: ResetSeen): string => `${group.name} in ${life.topic}/${queue}`;

/** Offsets that were asked for behind a reset that has these properties, with no other reset in between. */
function* fetchedBehind(view: View, isSo: (reset: ResetSeen) => boolean): Generator<readonly [FetchedSeen, ResetSeen]> {
  const resets = resetsOf(view);
  for (const fetched of fetchesOf(view)) {
    const last = resets.findLast(
      (reset) =>
        reset.span.to < fetched.span.from &&
        reset.group.name === fetched.group &&
        reset.life === fetched.life &&
        reset.queue === fetched.queue,
    );
    if (last !== undefined && isSo(last)) yield [fetched, last];
  }
}

/** @returns what judges the offsets behind some resets. */
const offsetsBehind = (view: View, judge: Judge, isSo: (reset: ResetSeen) => boolean): void => {
  for (const [fetched, reset] of fetchedBehind(view, isSo)) {
    const { response } = fetched.exchange;
    if (response === undefined) continue;
    const wrong = wrongOffset(fetched, fetched.committed, fetched.offset);
    judgeThat(judge, response, wrong === undefined, () => `${nameOf(reset)} behind GROUP_RESET: ${wrong}`, 'offset');
  }
};

const isMoved = (reset: ResetSeen): boolean => !reset.dryRun && codeOf(reset) === 'OK';

const moves: Clause = {
  id: 'QNT-ADM-014',
  roles: ['broker'],
  check(view, judge) {
    for (const reset of resetsOf(view)) {
      const { exchange, target, result } = reset;
      const { response } = exchange;
      if (response === undefined || target === undefined || target === 'outside') continue;
      if (result === undefined) judge.fail(response, `expected a result for ${nameOf(reset)}, got none`, 'results');
      else if (result.code !== 0) judge.fail(response, `expected ${nameOf(reset)} to move, got ${codeOf(reset)}`, 'code');
      else
        judgeThat(
          judge,
          response,
          isWithin(result.toOffset, target),
          () => `expected ${nameOf(reset)} to move to ${shownRange(target)}, got ${result.toOffset}`,
          'to_offset',
        );
    }
    offsetsBehind(view, judge, isMoved);
  },
};

const endsLeases: Clause = {
  id: 'QNT-ADM-015',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    const resets = resetsOf(view).filter(isMoved);
    for (const exchange of plainRequests(view, 'OFFSET_COMMIT')) {
      const { header, answer, response, code } = exchange;
      const span = spanOf(view, exchange);
      const group = model.group(header.group);
      if (answer === undefined || response === undefined || code !== undefined || group.kind(span) !== 0) continue;
      for (const { topic, queue, leaseEpoch } of header.offsets) {
        const lease = group.leasesAt(topic, queue).find(({ epoch }) => epoch === leaseEpoch);
        const reset = resets.find(
          (one) =>
            one.group === group &&
            one.life.topic === topic &&
            one.queue === queue &&
            one.span.to < span.from &&
            (lease?.toldAt ?? span.to) < one.span.from,
        );
        if (lease === undefined || reset === undefined || model.topic(topic, span) !== reset.life) continue;
        const isFenced = answer.results.some((one: Header) => one.topic === topic && one.queue === queue && one.code === 8_001);
        judgeThat(
          judge,
          response,
          isFenced,
          () =>
            `expected LEASE_FENCED for a commit of ${nameOf(reset)} under the lease ${leaseEpoch} of before its reset, got another answer`,
          'code',
        );
      }
    }
    offsetsBehind(
      view,
      judge,
      (reset) => isMoved(reset) && subjectEvents(view).some(({ what, index }) => what === 'started' && index > reset.span.to),
    );
  },
};

const dryRun: Clause = {
  id: 'QNT-ADM-016',
  roles: ['broker'],
  check(view, judge) {
    for (const reset of resetsOf(view)) {
      const { exchange, target, result, dryRun: isDry } = reset;
      if (!isDry || exchange.response === undefined || target === undefined) continue;
      const isRight =
        target === 'outside'
          ? codeOf(reset) === 'OFFSET_OUT_OF_RANGE'
          : result !== undefined && isWithin(result.toOffset, target);
      const wanted = target === 'outside' ? 'OFFSET_OUT_OF_RANGE' : shownRange(target);
      const got = result?.code === 0 ? result.toOffset : codeOf(reset);
      judgeThat(
        judge,
        exchange.response,
        isRight,
        () => `expected a dry run of ${nameOf(reset)} to tell ${wanted}, got ${got}`,
        'to_offset',
      );
    }
    offsetsBehind(view, judge, (reset) => reset.dryRun);
  },
};

const outside: Clause = {
  id: 'QNT-ADM-017',
  roles: ['broker'],
  check(view, judge) {
    for (const reset of resetsOf(view)) {
      const { exchange, target } = reset;
      if (exchange.response === undefined || target === undefined) continue;
      const code = codeOf(reset);
      const isOutside = target === 'outside';
      const what = `expected ${isOutside ? 'OFFSET_OUT_OF_RANGE' : 'an offset within'} for ${nameOf(reset)}`;
      if (isOutside)
        judgeThat(judge, exchange.response, code === 'OFFSET_OUT_OF_RANGE', () => `${what}, got ${code ?? 'no result'}`, 'code');
      else if (code === 'OFFSET_OUT_OF_RANGE') judge.fail(exchange.response, `${what}, got ${code}`, 'code');
    }
    offsetsBehind(view, judge, (reset) => reset.target === 'outside');
  },
};

const tells: Clause = {
  id: 'QNT-ADM-018',
  roles: ['broker'],
  check(view, judge) {
    for (const reset of resetsOf(view)) {
      const { exchange, group, life, queue, span, result } = reset;
      const { response } = exchange;
      if (response === undefined || result === undefined || result.code !== 0) continue;
      // Before it: what it writes itself is no news.
      const known = group.committed(life, queue, { from: span.from, to: span.from });
      if (known === undefined) continue;
      const wrong = wrongOffset({ known }, result.hadOffset, result.fromOffset);
      judgeThat(judge, response, wrong === undefined, () => `${nameOf(reset)} before its reset: ${wrong}`, 'from_offset');
    }
  },
};

/** GROUP_RESET. */
export const RESET_CLAUSES: readonly Clause[] = [moves, endsLeases, dryRun, outside, tells];

import { LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, FrameSeen, View } from '../../history/view.ts';
import { endingAfter, endingText, kitEndOf, SERVERS } from '../connection/circumstances.ts';
import { usersAt } from './known-users.ts';
import { type Attempt, attemptsOf, isOfUsers, letsIn } from './logins.ts';

/** Who said what must not let him in. */
const wrongOnes = (view: View): readonly Attempt[] =>
  attemptsOf(view).filter(({ isWhole, fault, isDoubtful }) => isWhole && fault !== undefined && !isDoubtful);

const saysThatItFailed: Clause = {
  id: 'QNT-AUT-007',
  roles: SERVERS,
  needs: ['users'],
  check(view, judge) {
    for (const attempt of wrongOnes(view)) judgeFailure(view, attempt, judge);
  },
};

function judgeFailure(view: View, { connection, last, outcome, fault }: Attempt, judge: Judge): void {
  const { response, request } = last;
  if (response === undefined) {
    const end = kitEndOf(view, connection);
    const isGone = connection.closed?.by === 'subject' && connection.closedIndex < end.index;
    if (isGone || end.atMs > request.atMs + LIMITS.AUTH_DEADLINE_MS + view.slackMs)
      judge.fail(request, `AUTH with ${fault} has to be answered AUTH_FAILED, and was not answered`);
    return;
  }
  if (outcome === 'other' && last.answer === undefined)
    return judge.fail(response, `AUTH with ${fault} has to be answered AUTH_FAILED, and was answered ${last.code}`, 'code');
  if (outcome !== 'refused') return undefined;
  const ending = endingAfter(view, connection, response);
  if (ending === undefined || !letsIn(view)) return undefined;
  return judgeThat(
    judge,
    response,
    ending.closed && ending.code === 'AUTH_FAILED',
    () => `a connection has to be closed with AUTH_FAILED after AUTH failed, and was ${endingText(ending)}`,
  );
}

const letsNobodyElseIn: Clause = {
  id: 'QNT-AUT-008',
  roles: SERVERS,
  needs: ['users'],
  check(view, judge) {
    if (!letsIn(view)) return;
    for (const { outcome, fault, last, first } of wrongOnes(view)) {
      if (last.response === undefined) continue;
      if (outcome === 'in')
        judge.fail(last.response, `AUTH with ${fault} has to be refused, and lets ${first?.user ?? 'somebody'} in`);
      else if (outcome === 'refused') judge.pass(last.response);
    }
  },
};

/** What somebody who guesses gets to see of a login that fails at its end. */
interface Shown {
  readonly why: string;
  readonly user: string;
  readonly salt: string;
  readonly at: FrameSeen;
  /** Everything else, as text. */
  readonly rest: string;
}

function shownIn(attempt: Attempt): readonly Shown[] {
  const { connection, first, serverFirst, last, fault } = attempt;
  if (!isOfUsers(attempt) || first === undefined || last.response === undefined || serverFirst === undefined) return [];
  const { header } = last.response;
  const goAway = connection.goAways.find(({ from }) => from === 'subject')?.header;
  const rest = [
    `a salt of ${Buffer.from(serverFirst.salt, 'base64').length} bytes`,
    `${serverFirst.rounds} rounds`,
    `${last.code} ${JSON.stringify(header?.message ?? '')}`,
    `GOAWAY ${JSON.stringify(goAway?.message ?? '')}`,
  ].join(', ');
  return [{ why: fault ?? '', user: first.user, salt: serverFirst.salt, at: last.response, rest }];
}

const answersAlike: Clause = {
  id: 'QNT-AUT-009',
  roles: SERVERS,
  needs: ['users'],
  check(view, judge) {
    judgeEarly(view, judge);
    const shown = wrongOnes(view).flatMap(shownIn);
    const [first] = shown;
    for (const one of shown) {
      const other = shown.find(({ rest, why }) => rest !== one.rest && why !== one.why);
      if (other !== undefined)
        judge.fail(one.at, `${one.why} shows ${one.rest}, and ${other.why} shows ${other.rest}: it has to be alike`);
      else judgeSalt(one, shown, judge);
      if (other === undefined && first !== undefined && first.why !== one.why) judge.pass(one.at);
    }
  },
};

/** A name that does not exist fails at the end, as a wrong password does. */
function judgeEarly(view: View, judge: Judge): void {
  for (const { first, fault, outcome, last, exchanges } of attemptsOf(view)) {
    const isFirst = fault === undefined && exchanges.length === 1 && first !== undefined;
    if (!isFirst || outcome !== 'refused' || last.response === undefined) continue;
    // Where nobody has a password it fails for everybody.
    if (usersAt(view, last.request.index)?.every(({ password }) => password === undefined) !== false) continue;
    judge.fail(last.response, `the first message for ${first.user} is as it should be: whoever it is, it fails at the end only`);
  }
}

function judgeSalt(one: Shown, shown: readonly Shown[], judge: Judge): void {
  const changed = shown.find(({ user, salt, why }) => user === one.user && why === one.why && salt !== one.salt);
  const shared = shown.find(({ user, salt }) => user !== one.user && salt === one.salt);
  if (changed !== undefined) judge.fail(one.at, `${one.user} has a salt of its own, always the same one, and got two`);
  else if (shared !== undefined)
    judge.fail(one.at, `${one.user} and ${shared.user} get the same salt, by which one sees that they do not exist`);
}

/** What the chapter recommends that a failure takes. */
const FAILURE_MS = 1_000;

const takesItsTime: Clause = {
  id: 'QNT-AUT-017',
  roles: SERVERS,
  needs: ['users'],
  check(view, judge) {
    for (const { outcome, last, connection } of wrongOnes(view)) {
      const { response, request } = last;
      if (outcome !== 'refused' || response === undefined) continue;
      const tookMs = response.atMs - request.atMs;
      const heard = pingsBetween(connection, request.index, response.index);
      if (tookMs < FAILURE_MS - view.slackMs)
        judge.fail(response, `AUTH_FAILED should come after a second at the least, and came after ${Math.round(tookMs)} ms`);
      else if (heard !== undefined) judge.fail(heard, 'nothing should be heard while AUTH_FAILED waits, and PING was answered');
      else if (letsIn(view)) judge.pass(response);
    }
  },
};

const pingsBetween = ({ exchanges }: ConnectionSeen, from: number, to: number): FrameSeen | undefined =>
  exchanges.find(
    ({ name, request, response }) => name === 'PING' && request.index > from && response !== undefined && response.index < to,
  )?.response;

export const FAILING_CLAUSES: readonly Clause[] = [saysThatItFailed, letsNobodyElseIn, answersAlike, takesItsTime];

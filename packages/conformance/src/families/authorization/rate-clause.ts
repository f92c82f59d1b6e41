import type { Clause, Judge } from '../../clause/clause.ts';
import type { FrameSeen, View } from '../../history/view.ts';
import { SERVERS } from '../connection/circumstances.ts';
import { type Asked, askedIn, whoIs } from './decisions.ts';

/** A request of somebody who has a limit, with its answer. */
interface Metered {
  readonly asked: Asked;
  readonly response: FrameSeen;
  readonly isRefused: boolean;
}

/** So many times what a second allows, in less than a second, is beyond it however it is measured. */
const BEYOND = 10;

export const RATE_CLAUSE: Clause = {
  id: 'QNT-ATZ-013',
  roles: SERVERS,
  needs: ['users'],
  check(view, judge) {
    const metered = askedIn(view).flatMap((asked): readonly Metered[] => {
      const { response, code } = asked.exchange ?? {};
      if (asked.who.requestsPerSecond === 0 || response === undefined) return [];
      return [{ asked, response, isRefused: code === 'TOO_MANY_REQUESTS' }];
    });
    for (const name of new Set(metered.map(({ asked }) => asked.who.name)))
      judgeRow(
        view,
        metered.filter(({ asked }) => asked.who.name === name),
        judge,
      );
  },
};

function judgeRow(view: View, row: readonly Metered[], judge: Judge): void {
  const inTurn = row.toSorted((one, other) => one.asked.frame.index - other.asked.frame.index);
  judgeBurst(view, inTurn, judge);
  inTurn.forEach((one, i) => {
    if (!one.isRefused) return;
    if (!(one.response.header.retryAfterMs > 0))
      judge.fail(
        one.response,
        'TOO_MANY_REQUESTS of a rate limit has to say when there is room (retry_after_ms)',
        'retry_after_ms',
      );
    else judgeNext(view, one, inTurn.slice(i + 1), judge);
  });
}

/** Many at once, none of which is refused. */
function judgeBurst(view: View, row: readonly Metered[], judge: Judge): void {
  const [first] = row;
  const perSecond = first?.asked.who.requestsPerSecond ?? 0;
  const together = row.filter(({ asked }) => asked.frame.atMs < (first?.asked.frame.atMs ?? 0) + 1_000 - view.slackMs);
  if (first === undefined || together.length < BEYOND * perSecond || together.some(({ isRefused }) => isRefused)) return;
  judge.fail(
    first.response,
    `${whoIs(first.asked.who)} may make ${perSecond} requests in a second, and ${together.length} were served in less`,
  );
}

/** What comes right behind a refusal is refused as well, on whichever connection; what comes when there is room is not. */
function judgeNext(view: View, { response, asked }: Metered, later: readonly Metered[], judge: Judge): void {
  const roomMs = response.atMs + response.header.retryAfterMs;
  const [next] = later.filter(({ asked: { frame } }) => frame.index > response.index);
  if (next === undefined) return;
  const isElsewhere = next.asked.frame.connection !== asked.frame.connection;
  const { atMs } = next.asked.frame;
  if (!next.isRefused && next.response.atMs < roomMs - view.slackMs)
    judge.fail(
      next.response,
      `there is room for ${whoIs(asked.who)} in ${Math.round(roomMs - atMs)} ms only, and a request${isElsewhere ? ' on another connection' : ''} was served`,
    );
  else if (next.isRefused && atMs > roomMs + view.slackMs)
    judge.fail(next.response, 'a request after retry_after_ms has to be served, and was answered TOO_MANY_REQUESTS');
  else if (isElsewhere || !next.isRefused) judge.pass(next.response);
}

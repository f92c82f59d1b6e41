import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { asks, authsOf, entryOf } from '../../history/entry.ts';
import type { ConnectionSeen, Exchange, FrameSeen, View } from '../../history/view.ts';
import { type User, userText } from '../../users/user.ts';
import {
  dialled,
  endingAfter,
  endingText,
  isDisturbed,
  isWhole,
  kitEndOf,
  readsAllTheTime,
  SERVERS,
} from '../connection/circumstances.ts';
import { type Change, changesOf } from './known-users.ts';
import { attemptsOf } from './logins.ts';

/** Who is known stays who he is. */
const authComesOnce: Clause = {
  id: 'QNT-AUT-014',
  roles: SERVERS,
  needs: ['users'],
  check(view, judge) {
    for (const connection of dialled(view).filter((one) => asks(one) && isWhole(one))) {
      const entry = entryOf(connection);
      const again = authsOf(connection).find(({ request }) => entry !== undefined && request.index > entry.index);
      if (entry === undefined || again === undefined || !isOnlyReason(connection, entry.index, again)) continue;
      // Who has changed is told so, whatever he says.
      if (changesOf(view).some(({ from }) => from > entry.index && from < connection.closedIndex)) continue;
      judgeAgain(view, again, judge);
    }
  },
};

/** Nothing else that the kit has said can end the connection. */
function isOnlyReason(connection: ConnectionSeen, from: number, { request, header }: Exchange): boolean {
  if (header === undefined || request.flags !== 0 || request.correlation % 2 === 0) return false;
  const before = connection.frames.filter((one) => one.from === 'kit' && one.index > from && one.index < request.index);
  const answered = connection.exchanges.filter(({ response }) => response !== undefined && response.index < request.index);
  return !isGoingAway(connection, request.index) && before.every((frame) => answered.some((one) => one.requests.includes(frame)));
}

const isGoingAway = ({ goAways }: ConnectionSeen, index: number): boolean =>
  goAways.some((one) => one.from === 'subject' && one.index < index);

function judgeAgain(view: View, { connection, request, response, code }: Exchange, judge: Judge): void {
  if (response !== undefined && code !== 'UNEXPECTED_FRAME')
    return judge.fail(response, `AUTH on an authenticated connection is UNEXPECTED_FRAME, and was answered ${code ?? 'well'}`);
  const ending = endingAfter(view, connection, response ?? request);
  if (ending === undefined) return undefined;
  return judgeThat(
    judge,
    response ?? request,
    ending.closed && ending.code === 'UNEXPECTED_FRAME',
    () => `after AUTH on an authenticated connection it has to be closed with UNEXPECTED_FRAME, and was ${endingText(ending)}`,
  );
}

/** How long the connections of somebody may stay who has changed. */
const CHANGE_MS = 1_000;

const changedOnesGo: Clause = {
  id: 'QNT-AUT-015',
  roles: SERVERS,
  needs: ['users'],
  check(view, judge) {
    for (const change of changesOf(view))
      for (const { connection, outcome, first, fault } of attemptsOf(view)) {
        const entry = entryOf(connection);
        if (outcome !== 'in' || fault !== undefined || entry === undefined || entry.index > change.from) continue;
        const name = first?.user ?? entry.principal;
        const what = whatChanged(name, change);
        if (what !== undefined) judgeChanged(view, connection, change, `${name}, ${what},`, judge);
      }
  },
};

const ofName = (users: readonly User[], name: string): User | undefined => users.find((one) => one.name === name);

/** Undefined where everything is as it was. */
function whatChanged(name: string, { before, after }: Change): string | undefined {
  const [old, now] = [ofName(before, name), ofName(after, name)];
  if (old === undefined || (now !== undefined && userText(old) === userText(now))) return undefined;
  if (now === undefined) return 'who was removed';
  const field = (['password', 'roles', 'permissions', 'requestsPerSecond'] as const).find(
    (one) => JSON.stringify(old[one]) !== JSON.stringify(now[one]),
  );
  return field === undefined ? undefined : `whose ${FIELDS[field]} changed`;
}

const FIELDS = { password: 'password', roles: 'roles', permissions: 'rights', requestsPerSecond: 'limits' } as const;

function judgeChanged(view: View, connection: ConnectionSeen, change: Change, who: string, judge: Judge): void {
  const dueMs = change.atMs + CHANGE_MS + view.slackMs;
  const kitEnd = kitEndOf(view, connection);
  const until = Math.min(connection.closedIndex, kitEnd.index);
  // What ended before is no matter of this change.
  if (until < change.from || isGoingAway(connection, change.from)) return;
  if (isDisturbed(view, 0, until) || !readsAllTheTime(view, connection, 0, until)) return;
  const goAway = connection.goAways.find((one): one is FrameSeen => one.from === 'subject' && one.index > change.from);
  const isClosed = connection.closed?.by === 'subject' && connection.closedIndex < kitEnd.index;
  const at = goAway ?? change.to;
  if (isClosed && goAway?.code === 'UNAUTHENTICATED' && (connection.closed?.atMs ?? 0) <= dueMs) judge.pass(at);
  else if (isClosed || kitEnd.atMs > dueMs)
    judge.fail(
      at,
      `the connection of ${who} has to be closed with UNAUTHENTICATED within ${CHANGE_MS} ms, and was ${
        isClosed ? `closed with ${goAway?.code ?? 'no GOAWAY'}` : 'kept open'
      }`,
    );
}

export const KNOWN_CLAUSES: readonly Clause[] = [authComesOnce, changedOnesGo];

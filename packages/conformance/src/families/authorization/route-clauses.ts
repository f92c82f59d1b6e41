import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { codeName, type FrameSeen, type View } from '../../history/view.ts';
import type { User } from '../../users/user.ts';
import { rulingOnRoute } from './access-rules.ts';
import { type Asked, askedIn, decisionsIn, grantsSomething, whoIs } from './decisions.ts';

const clause = (id: string, check: (view: View, judge: Judge) => void): Clause => ({
  id,
  roles: ['nameserver'],
  needs: ['users'],
  check,
});

const queries = (view: View): readonly Asked[] => askedIn(view).filter(({ name }) => name === 'ROUTE_QUERY');

interface RouteSeen {
  readonly topic: string;
  readonly code: number;
  readonly shares: readonly unknown[];
}

const routesAreHidden = clause('QNT-ATZ-006', (view, judge) => {
  for (const { who, exchange } of queries(view)) {
    const { response, answer, header } = exchange ?? {};
    if (response === undefined || answer === undefined || header.all === true) continue;
    for (const route of answer.routes as readonly RouteSeen[]) judgeRoute(view, who, route, response, judge);
  }
  judgeUpdates(view, judge);
});

function judgeRoute(view: View, who: User, { topic, code, shares }: RouteSeen, at: FrameSeen, judge: Judge): void {
  const { allowed } = rulingOnRoute(who, topic);
  const name = codeName(code);
  if (allowed && name === 'FORBIDDEN') judge.fail(at, `${whoIs(who)} may see ${topic}, and its route is FORBIDDEN`, 'routes');
  else if (!allowed && (name !== 'FORBIDDEN' || shares.length > 0))
    judge.fail(
      at,
      `${whoIs(who)} may not see ${topic}: its route has to be FORBIDDEN, and is ${name} with ${shares.length} shares`,
      'routes',
    );
  else if (grantsSomething(view)) judge.pass(at);
}

/** Of what somebody may not see he is told nothing later either: that it is FORBIDDEN tells that it has changed. */
function judgeUpdates(view: View, judge: Judge): void {
  for (const { who, frame } of queries(view)) {
    if (frame.header?.watch !== true) continue;
    for (const update of frame.connection.frames.filter(({ name, from }) => name === 'ROUTE_UPDATE' && from === 'subject')) {
      const hidden = (update.header?.routes as readonly RouteSeen[] | undefined)?.find(
        ({ topic }) => !rulingOnRoute(who, topic).allowed,
      );
      if (hidden !== undefined) judge.fail(update, `${whoIs(who)} may not watch ${hidden.topic}, and is told of it`, 'routes');
    }
  }
}

const allThatMayBeSeen = clause('QNT-ATZ-007', (view, judge) => {
  for (const { who, exchange } of queries(view)) {
    const { response, answer, header } = exchange ?? {};
    if (response === undefined || answer === undefined || header.all !== true) continue;
    const told = (answer.routes as readonly RouteSeen[]).map(({ topic }) => topic);
    const there = topicsAt(view, response.index);
    const hidden = told.find((topic) => !rulingOnRoute(who, topic).allowed);
    const missing = there.find((topic) => rulingOnRoute(who, topic).allowed && !told.includes(topic));
    if (hidden !== undefined) judge.fail(response, `${whoIs(who)} may not see ${hidden}, and it is among all topics`, 'routes');
    else if (missing !== undefined)
      judge.fail(response, `${whoIs(who)} may see ${missing}, and it is not among all topics`, 'routes');
    else if (there.length > 0 && grantsSomething(view)) judge.pass(response);
  }
});

/** Topics of brokers that have registered and not left, by what the kit was answered. */
function topicsAt(view: View, index: number): readonly string[] {
  const left = new Set(view.requests('UNREGISTER_BROKER', 'kit').map(({ header }) => header?.broker));
  return view
    .requests('REGISTER_BROKER', 'kit')
    .filter(
      ({ answer, response, header }) => answer !== undefined && !left.has(header?.broker) && (response?.index ?? index) < index,
    )
    .filter(({ connection }) => connection.closedIndex > index)
    .flatMap(({ header }) => header.topics.map(({ topic }: { topic: string }) => topic));
}

const OWN = new Set(['REGISTER_BROKER', 'BROKER_HEARTBEAT', 'UNREGISTER_BROKER']);

const brokersSpeakForThemselves = clause('QNT-ATZ-008', (view, judge) => {
  for (const { who, what, at, forbids, ruling, code } of decisionsIn(view)) {
    if (!OWN.has(what) || !who.roles.includes('broker')) continue;
    judgeThat(judge, at, forbids !== ruling.allowed, () =>
      ruling.allowed
        ? `${what} of the broker of its own name is FORBIDDEN for ${whoIs(who)}`
        : `${what} of another broker has to be FORBIDDEN for ${whoIs(who)}, and was answered ${code ?? 'well'}`,
    );
  }
});

export const ROUTE_CLAUSES: readonly Clause[] = [routesAreHidden, allThatMayBeSeen, brokersSpeakForThemselves];

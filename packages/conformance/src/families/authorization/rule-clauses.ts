import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { FrameSeen, View } from '../../history/view.ts';
import { endingAfter, endingText, SERVERS } from '../connection/circumstances.ts';
import { type Asked, askedIn, type Decision, decisionsIn, grantsSomething, whoIs } from './decisions.ts';
import { answeredBehind, effectOf } from './effects.ts';

const clause = (id: string, check: (view: View, judge: Judge) => void): Clause => ({
  id,
  roles: SERVERS,
  needs: ['users'],
  check,
});

const said = ({ code, forbids }: Decision): string => (forbids ? 'FORBIDDEN' : (code ?? 'granted'));

/** What was forbidden and had to be, or was not and had not to be; only such a server has credit that grants something. */
function judgeDecision(view: View, decision: Decision, judge: Judge): void {
  const { who, what, at, forbids, ruling } = decision;
  if (forbids === ruling.allowed)
    judge.fail(
      at,
      `${what} has to be ${ruling.allowed ? 'granted to' : 'FORBIDDEN for'} ${whoIs(who)}, and was ${said(decision)}`,
    );
  else if (grantsSomething(view)) judge.pass(at);
}

const checksEverything = clause('QNT-ATZ-001', (view, judge) => {
  for (const decision of decisionsIn(view)) judgeDecision(view, decision, judge);
  for (const asked of askedIn(view)) {
    if (asked.ruling.allowed || asked.exchange === undefined || effectOf(view, asked) !== 'done') continue;
    judge.fail(asked.frame, `${asked.name} is forbidden for ${whoIs(asked.who)}, and somebody sees that it had its effect`);
  }
});

/** Its header is none: nothing but the role can be looked at. */
const isUnreadable = ({ frame }: Asked): boolean => frame.header === undefined;

/** A thing of which no request of the kit says that it should be. */
function isUnknown(view: View, { frame }: Asked): boolean {
  const { topic, group } = frame.header ?? {};
  return !view.frames.some(
    (one) =>
      one !== frame &&
      one.from === 'kit' &&
      (one.name === 'TOPIC_CREATE' || one.name === 'CLIENT_HEARTBEAT') &&
      ((topic !== undefined && one.header?.topic === topic) || (group !== undefined && one.header?.group === group)),
  );
}

const tellsNothing = clause('QNT-ATZ-002', (view, judge) => {
  for (const asked of askedIn(view)) {
    const { exchange, ruling, who, name, frame } = asked;
    if (ruling.allowed || exchange === undefined || exchange.code === 'TOO_MANY_REQUESTS') continue;
    const why = isUnreadable(asked) ? 'whatever its control header is' : 'whatever there is';
    const sentence = (got: string): string => `${name} is FORBIDDEN for ${whoIs(who)}, ${why}, and was ${got}`;
    if (exchange.response === undefined) judgeUnanswered(view, asked, sentence, judge);
    else if (exchange.code !== undefined && exchange.code !== 'FORBIDDEN')
      judge.fail(exchange.response, sentence(`answered ${exchange.code}`), 'code');
    else if (exchange.code === 'FORBIDDEN' && (isUnreadable(asked) || isUnknown(view, asked)) && grantsSomething(view))
      judge.pass(exchange.response);
    else if (exchange.code === undefined && isUnreadable(asked)) judge.fail(frame, sentence('answered well'));
  }
});

function judgeUnanswered(view: View, { frame }: Asked, sentence: (got: string) => string, judge: Judge): void {
  const ending = endingAfter(view, frame.connection, frame);
  if (ending !== undefined) judge.fail(frame, sentence(`not answered; the connection was ${endingText(ending)}`));
}

const doesNothing = clause('QNT-ATZ-003', (view, judge) => {
  for (const asked of askedIn(view)) {
    const { exchange, ruling } = asked;
    if (ruling.allowed || exchange?.response === undefined) continue;
    if (isPartly(asked)) judgeParts(view, asked, exchange.response, judge);
    if (exchange.code === 'FORBIDDEN') judgeKept(view, exchange.response, judge);
  }
});

/** Some of it is allowed by itself. */
const isPartly = ({ ruling: { why, rights } }: Asked): boolean => why === 'right' && rights.some(({ held }) => held);

function judgeParts(view: View, asked: Asked, response: FrameSeen, judge: Judge): void {
  const { who, name, exchange } = asked;
  if (exchange?.code === undefined)
    judge.fail(response, `${name} names something that ${whoIs(who)} may not, and was not refused as a whole`);
  else if (effectOf(view, asked) === 'done')
    judge.fail(response, `${name} of ${whoIs(who)} is forbidden in part, and the rest of it had its effect`);
}

function judgeKept(view: View, response: FrameSeen, judge: Judge): void {
  if (answeredBehind(response) !== undefined) return grantsSomething(view) ? judge.pass(response) : undefined;
  const ending = endingAfter(view, response.connection, response);
  const isBlamed = ending?.closed === true && (ending.code === undefined || ending.code === 'FORBIDDEN');
  if (isBlamed) judge.fail(response, `the connection has to stay after FORBIDDEN, and was ${endingText(ending)}`);
}

const refusesByDefault = clause('QNT-ATZ-004', (view, judge) => {
  for (const decision of decisionsIn(view)) if (decision.ruling.why === 'right') judgeDecision(view, decision, judge);
});

const namesAreWhole = clause('QNT-ATZ-005', (view, judge) => {
  for (const decision of decisionsIn(view)) {
    const { rights, allowed } = decision.ruling;
    const decides = allowed ? rights.some(({ by }) => by === 'grant') : rights.some(({ by }) => by === 'name');
    if (decides) judgeDecision(view, decision, judge);
  }
});

const impliedOnes = clause('QNT-ATZ-012', (view, judge) => {
  for (const decision of decisionsIn(view)) {
    const { rights, allowed } = decision.ruling;
    if (allowed && rights.some(({ by }) => by === 'implied' || by === 'admin')) judgeDecision(view, decision, judge);
  }
});

const oneWayIsDropped = clause('QNT-ATZ-011', (view, judge) => {
  for (const asked of askedIn(view)) {
    const { frame, ruling, name, who } = asked;
    if (ruling.allowed || !frame.isOneWay) continue;
    const effect = effectOf(view, asked);
    const ending = endingAfter(view, frame.connection, frame);
    const isBlamed = ending?.closed === true && ending.code !== 'UNAUTHENTICATED' && answeredBehind(frame) === undefined;
    const what = `a one-way ${name} that ${whoIs(who)} may not send has to be dropped`;
    if (effect === 'done') judge.fail(frame, `${what}, and somebody sees that it had its effect`);
    else
      judgeThat(
        judge,
        frame,
        !isBlamed,
        () => `${what}, and the connection was ${ending === undefined ? '' : endingText(ending)}`,
      );
  }
});

export const RULE_CLAUSES: readonly Clause[] = [
  checksEverything,
  tellsNothing,
  doesNothing,
  refusesByDefault,
  namesAreWhole,
  oneWayIsDropped,
  impliedOnes,
];

import { AuthMechanism, AuthMechanismNames } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { asks } from '../../history/entry.ts';
import type { FrameSeen, View } from '../../history/view.ts';
import { endingAfter, endingText, SERVERS } from '../connection/circumstances.ts';
import { type Greeting, greetingsOf, namesAuth, takesEnough } from '../connection/hello.ts';
import { isTold, usersAt } from './known-users.ts';
import { type Attempt, attemptsOf, certificateOf, letsIn } from './logins.ts';

const mechanismName = (number: number): string => AuthMechanismNames[number] ?? `mechanism ${number}`;

/** A server that was told of users asks; of another one it shows on a connection. */
const isAsking = (view: View): boolean => isTold(view) || view.connections.some(asks);

const asksEverywhere: Clause = {
  id: 'QNT-AUT-001',
  roles: SERVERS,
  needs: ['users'],
  check(view, judge) {
    if (!isAsking(view)) return;
    for (const greeting of greetingsOf(view)) if (namesAuth(greeting.hello)) judgeOffer(view, greeting, judge);
    for (const attempt of attemptsOf(view)) judgeOffered(attempt, judge);
  },
};

function judgeOffer(view: View, { connection, response }: Greeting, judge: Judge): void {
  const { helloOk } = connection;
  if (response === undefined || helloOk === undefined) return;
  const somebodyHasPassword = usersAt(view, response.index)?.some(({ password }) => password !== undefined) ?? false;
  if (!asks(connection)) judge.fail(response, 'HELLO names the feature AUTH, and HELLO_OK does not have it active', 'features');
  else if (somebodyHasPassword && helloOk.mechanisms.length === 0)
    judge.fail(response, 'HELLO_OK has to list the mechanisms that this connection may use, and lists none', 'mechanisms');
  else judge.pass(response);
}

/** What is offered works, and what works is offered. */
function judgeOffered({ connection, mechanism, outcome, fault, isWhole, isDoubtful, last }: Attempt, judge: Judge): void {
  if (!isWhole || fault !== undefined || isDoubtful || last.response === undefined) return;
  const isListed = connection.helloOk.mechanisms.includes(mechanism);
  const name = mechanismName(mechanism);
  if (outcome === 'in' && !isListed)
    judge.fail(connection.hello?.response as FrameSeen, `${name} lets in, and HELLO_OK does not list it`, 'mechanisms');
  else if (outcome === 'refused' && isListed)
    judge.fail(last.response, `HELLO_OK offers ${name}, and who comes with it as he should is refused`, 'code');
  else if (outcome === 'in') judge.pass(last.response);
}

const refusesWhoDoesNotSayIt: Clause = {
  id: 'QNT-AUT-003',
  roles: SERVERS,
  needs: ['users'],
  check(view, judge) {
    if (!isAsking(view)) return;
    for (const greeting of greetingsOf(view)) {
      const { connection, exchange, response, hello } = greeting;
      const isPlain = !namesAuth(hello) && hello.requiredFeatures.length === 0 && takesEnough(hello.frameBytesMax);
      if (!isPlain || response === undefined) continue;
      if (exchange.code === 'SHUTTING_DOWN' || exchange.code === 'TOO_MANY_CONNECTIONS') continue;
      if (exchange.code !== 'UNAUTHENTICATED') {
        const got = exchange.code ?? 'HELLO_OK';
        judge.fail(response, `a HELLO that does not name AUTH has to be answered UNAUTHENTICATED, and was answered ${got}`);
        continue;
      }
      const ending = endingAfter(view, connection, response);
      if (ending === undefined || !letsIn(view)) continue;
      judgeThat(
        judge,
        response,
        ending.closed,
        () => `the connection has to be closed after UNAUTHENTICATED, and was ${endingText(ending)}`,
      );
    }
  },
};

const certificatesOnly: Clause = {
  id: 'QNT-AUT-012',
  roles: SERVERS,
  needs: ['users'],
  check(view, judge) {
    for (const { connection, response } of greetingsOf(view)) {
      if (!asks(connection) || response === undefined || certificateOf(view, connection) !== undefined) continue;
      judgeThat(
        judge,
        response,
        !connection.helloOk.mechanisms.includes(AuthMechanism.EXTERNAL),
        () => 'EXTERNAL may be offered only where TLS has verified a certificate, and is offered where there is none',
        'mechanisms',
      );
    }
    if (!letsIn(view)) return;
    for (const { mechanism, outcome, fault, isDoubtful, last } of attemptsOf(view)) {
      if (mechanism !== AuthMechanism.EXTERNAL || fault === undefined || isDoubtful || last.response === undefined) continue;
      if (outcome === 'in') judge.fail(last.response, `EXTERNAL lets somebody in with ${fault}`);
      else judge.pass(last.response);
    }
  },
};

export const OFFER_CLAUSES: readonly Clause[] = [asksEverywhere, refusesWhoDoesNotSayIt, certificatesOnly];

import { LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { namesIn, SUBPROTOCOL, statusOf } from '../../ground/websocket/upgrade.ts';
import type { View } from '../../history/view.ts';
import { PATIENCE_MS, SERVERS } from '../framing/outcome.ts';
import { isDisturbed } from '../framing/outlook.ts';
import { type Attempt, attemptsOf, faultsOfRequest, type RequestFault } from './attempts.ts';

/** A clause for what servers answer to requests, where nothing disturbed them. */
const ofAttempts = (id: string, check: (attempt: Attempt, view: View, judge: Judge) => void): Clause => ({
  id,
  roles: SERVERS,
  binding: 'websocket',
  check(view, judge) {
    if (isDisturbed(view)) return;
    for (const attempt of attemptsOf(view)) check(attempt, view, judge);
  },
});

/** Says of a whole request whether it was answered with a status. */
function judgeStatus({ request, asked, answer, end }: Attempt, view: View, judge: Judge, status: number, what: string): void {
  if (request === undefined || asked === undefined) return;
  const expected = `${what} is answered with status ${status}`;
  if (answer !== undefined)
    judgeThat(judge, answer.index, statusOf(answer.head) === status, () => `${expected}; got "${answer.head.line}"`);
  else if (end?.by === 'subject') judge.fail(end.index, `${expected}; got the end of the connection`);
  else if ((end?.atMs ?? view.endMs) - asked.atMs >= PATIENCE_MS) judge.fail(asked.index, `${expected}; got nothing`);
}

/** The one thing that is to be refused about a request. */
function onlyFaultOf({ request }: Attempt): RequestFault | undefined {
  const faults = request === undefined ? undefined : faultsOfRequest(request);
  return faults?.length === 1 ? faults[0] : undefined;
}

const isRight = ({ request }: Attempt): boolean => request !== undefined && faultsOfRequest(request)?.length === 0;

const agrees = ofAttempts('QNT-WSK-002', (attempt, view, judge) => {
  if (onlyFaultOf(attempt) === 'subprotocol')
    return judgeStatus(attempt, view, judge, 400, `a request that does not offer ${SUBPROTOCOL}`);
  const { answer } = attempt;
  if (!isRight(attempt)) return;
  // That no origin is needed is a rule of its own.
  if (answer !== undefined && statusOf(answer.head) === 403) return;
  if (answer === undefined || statusOf(answer.head) !== 101)
    return judgeStatus(attempt, view, judge, 101, `a request that offers ${SUBPROTOCOL}`);
  const chosen = answer.head.headers.get('sec-websocket-protocol');
  judgeThat(
    judge,
    answer.index,
    chosen === SUBPROTOCOL,
    () => `the subprotocol ${SUBPROTOCOL} is agreed to where it is offered; got ${chosen ?? 'none'}`,
  );
});

const NO_WEB_SOCKET: ReadonlyMap<RequestFault | undefined, readonly [status: number, what: string]> = new Map([
  ['no upgrade', [426, 'a request that asks for no upgrade to WebSocket']],
  ['version', [426, 'a request for another version of WebSocket than 13']],
  ['path', [404, 'a request for another path than /']],
]);

const refusesStrangers = ofAttempts('QNT-WSK-004', (attempt, view, judge) => {
  const refusal = NO_WEB_SOCKET.get(onlyFaultOf(attempt));
  if (refusal !== undefined) judgeStatus(attempt, view, judge, ...refusal);
});

const refusesOrigins = ofAttempts('QNT-WSK-005', (attempt, view, judge) => {
  const { request, answer } = attempt;
  if (onlyFaultOf(attempt) === 'origin')
    judgeStatus(
      attempt,
      view,
      judge,
      403,
      `a request of the origin ${request?.headers.get('origin')}, which nobody has allowed,`,
    );
  else if (isRight(attempt) && answer !== undefined && statusOf(answer.head) === 403)
    judge.fail(answer.index, 'a request without an Origin is taken; got status 403');
});

const noExtension = ofAttempts('QNT-WSK-006', ({ request, answer }, _, judge) => {
  if (answer === undefined || statusOf(answer.head) !== 101) return;
  const offered = namesIn(request?.headers.get('sec-websocket-extensions'));
  const chosen = answer.head.headers.get('sec-websocket-extensions');
  if (chosen !== undefined) judge.fail(answer.index, `no extension is agreed to; got ${chosen}`);
  else if (offered.length > 0) judge.pass(answer.index);
});

const BEGIN = 'GET / HTTP/1.1\r\n';

/** It has asked for nothing that could be answered, or was agreed with and has said nothing since. */
function isSilent({ said, request, answer, opened }: Attempt): boolean {
  if (request === undefined) return answer === undefined && (BEGIN.startsWith(said) || said.startsWith(BEGIN));
  if (opened === undefined) return false;
  const { frames, messages, bytes } = opened;
  return ![...frames, ...messages, ...bytes].some(({ from }) => from === 'kit');
}

const deadline = ofAttempts('QNT-WSK-007', (attempt, view, judge) => {
  const { end, atMs, index, opened } = attempt;
  if (!isSilent(attempt) || opened?.goAways.some(({ code }) => code !== 'HELLO_TIMEOUT')) return;
  const dueMs = LIMITS.HELLO_DEADLINE_MS;
  const expected = `a connection without HELLO ends after ${dueMs} ms (HELLO_DEADLINE_MS), the upgrade included`;
  if (end?.by === 'subject') {
    const tookMs = Math.round(end.atMs - atMs);
    const isInTime = tookMs >= dueMs - view.slackMs && tookMs <= dueMs + 2 * view.slackMs;
    judgeThat(judge, index, isInTime, () => `${expected}; it took ${tookMs} ms`);
  } else if ((end?.atMs ?? view.endMs) - atMs > dueMs + 2 * view.slackMs) judge.fail(index, `${expected}; it goes on`);
});

export const UPGRADE_CLAUSES: readonly Clause[] = [agrees, refusesStrangers, refusesOrigins, noExtension, deadline];

import type { Judge } from '../../clause/clause.ts';
import type { Exchange, View } from '../../history/view.ts';
import { isTelling, subjectEvents } from './acts.ts';

/** A subject whose clock is coarse may answer a little before its time. */
export const EARLY_MS = 5;

const timed = new WeakMap<View, boolean>();

/** The kit stopped reading, or the subject stood still: how long things took says nothing. */
export function hasTimes(view: View): boolean {
  let has = timed.get(view);
  if (has === undefined) {
    has = !view.events.some(
      (event) =>
        (event.kind === 'step' && (event.op === 'reading' || event.op === 'pause')) ||
        (event.kind === 'subject' && event.what === 'paused'),
    );
    timed.set(view, has);
  }
  return has;
}

/** When somebody ended what a request waits on: its connection, or the subject; or when the kit could not read on. */
function brokenOffMs(view: View, { request, connection }: Exchange): number {
  const subject = subjectEvents(view).find(({ index }) => index > request.index);
  const ends = [connection.closed, connection.broken, subject].map((event) => event?.atMs ?? view.endMs);
  return Math.min(view.endMs, ...ends);
}

/** Whether an answer came by a time; undefined where nobody can tell. */
export function cameBy(view: View, exchange: Exchange, dueMs: number): boolean | undefined {
  if (!hasTimes(view)) return undefined;
  const latestMs = dueMs + view.slackMs;
  if (exchange.response !== undefined) return exchange.response.atMs <= latestMs ? true : lateAnswer(view, exchange, latestMs);
  return brokenOffMs(view, exchange) > latestMs ? false : undefined;
}

/** A stop of the subject in between excuses it. */
const lateAnswer = (view: View, exchange: Exchange, latestMs: number): false | undefined =>
  brokenOffMs(view, exchange) > latestMs ? false : undefined;

export const shown = (code: string | undefined): string => code ?? 'no error';

/** A request that has to be refused with a code. */
export function expectCode(view: View, judge: Judge, exchange: Exchange, code: string, why: string): void {
  const { response } = exchange;
  if (response === undefined) {
    if (cameBy(view, exchange, exchange.request.atMs) === false)
      judge.fail(exchange.request, `expected ${code} for ${why}, got no answer`);
  } else if (exchange.code === code) judge.pass(response);
  else if (isTelling(exchange)) judge.fail(response, `expected ${code} for ${why}, got ${shown(exchange.code)}`, 'code');
}

/** A request that has to be served without an error of the whole. @returns whether its answer can be looked at. */
export function expectServed(view: View, judge: Judge, exchange: Exchange, what: string): boolean {
  const { response } = exchange;
  if (response === undefined) {
    if (cameBy(view, exchange, exchange.request.atMs) === false)
      judge.fail(exchange.request, `expected an answer to ${what}, got none`);
    return false;
  }
  if (exchange.code === undefined) return exchange.answer !== undefined;
  if (isTelling(exchange)) judge.fail(response, `expected ${what} to be served, got ${exchange.code}`, 'code');
  return false;
}

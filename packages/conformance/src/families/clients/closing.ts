import type { Judge } from '../../clause/clause.ts';
import type { ConnectionSeen } from '../../history/view.ts';
import { endOfConnection, type Facts } from './facts.ts';

/** How long a client may take to close a connection on which something came that it cannot bear. */
const CLOSE_MS = 1_000;

/** A place of a connection. */
export interface PlaceOf {
  readonly connection: ConnectionSeen;
  readonly index: number;
  readonly atMs: number;
}

/** Says whether the subject closed a connection behind a place. */
export function judgeClosing(facts: Facts, judge: Judge, { connection, index, atMs }: PlaceOf, what: string): void {
  const end = endOfConnection(facts, connection);
  const dueMs = atMs + CLOSE_MS + facts.view.slackMs;
  if (end.by === 'subject' && end.ms <= dueMs) judge.pass(index);
  else if (end.ms > dueMs) judge.fail(index, `expected the connection to be closed on ${what}, got it open`);
}

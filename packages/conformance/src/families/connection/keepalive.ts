import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, FrameSeen } from '../../history/view.ts';
import { dialled, isDisturbed, isWhole, kitEndOf, readsAllTheTime, SERVERS } from './circumstances.ts';

/** Clocks of two processes round times. */
export const ROUNDING_MS = 2;
/** What the subject has said at the end of a connection because it heard nothing. */
export const endOfSilence = (connection: ConnectionSeen): FrameSeen | undefined =>
  connection.goAways.find(({ from, code }) => from === 'subject' && (code === 'IDLE_TIMEOUT' || code === 'SLOW_READER'));

/** When the kit was last heard before something: when it sent its last whole frame. */
export const lastSentMs = (connection: ConnectionSeen, index: number): number | undefined =>
  connection.frames.filter((frame) => frame.from === 'kit' && frame.index < index).at(-1)?.atMs;

const idleTimeout: Clause = {
  id: 'QNT-KAL-001',
  roles: SERVERS,
  check(view, judge) {
    for (const connection of dialled(view)) {
      const idleMs: number | undefined = connection.helloOk?.idleMs;
      if (idleMs === undefined || !isWhole(connection)) continue;
      const kitEnd = kitEndOf(view, connection);
      const until = Math.min(connection.closedIndex, kitEnd.index);
      if (isDisturbed(view, 0, until) || !readsAllTheTime(view, connection, 0, until)) continue;
      const goAway = endOfSilence(connection);
      const heardMs = lastSentMs(connection, goAway?.index ?? until) as number;
      if (goAway !== undefined) judgeTimeout(goAway, connection, heardMs, idleMs, view.slackMs, judge);
      else if (
        connection.goAways.length === 0 &&
        kitEnd.atMs > heardMs + idleMs + view.slackMs &&
        connection.closed?.by !== 'subject'
      )
        judge.fail(
          connection.frames.at(-1) as FrameSeen,
          `nothing was heard for idle_ms (${idleMs}): the connection has to be closed with IDLE_TIMEOUT, and was kept for ${Math.round(kitEnd.atMs - heardMs)} ms`,
        );
    }
  },
};

function judgeTimeout(
  goAway: FrameSeen,
  { closed }: ConnectionSeen,
  heardMs: number,
  idleMs: number,
  slackMs: number,
  judge: Judge,
): void {
  const silenceMs = goAway.atMs - heardMs;
  const isInTime = silenceMs >= idleMs - ROUNDING_MS && silenceMs <= idleMs + slackMs;
  judgeThat(
    judge,
    goAway,
    isInTime && goAway.code === 'IDLE_TIMEOUT' && closed?.by === 'subject',
    () =>
      `after ${idleMs} ms of silence (idle_ms) the connection has to be closed with IDLE_TIMEOUT, and ${closed?.by === 'subject' ? 'was closed' : 'was kept'} with ${goAway.code} after ${Math.round(silenceMs)} ms`,
  );
}

export const KEEPALIVE_CLAUSES: readonly Clause[] = [idleTimeout];

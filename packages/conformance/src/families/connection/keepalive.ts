import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, FrameSeen, View } from '../../history/view.ts';
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
      if (goAway !== undefined) judgeTimeout(view, goAway, idleMs, judge);
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

function judgeTimeout({ slackMs }: View, goAway: FrameSeen, idleMs: number, judge: Judge): void {
  const { closed, frames } = goAway.connection;
  const said = frames.filter(({ from, index }) => from === 'kit' && index < goAway.index);
  // What the kit said last may have been on its way while GOAWAY was: then the silence began with the frame before.
  const silences = said
    .filter((_, i) => (said[i + 1]?.atMs ?? goAway.atMs) >= goAway.atMs - slackMs)
    .map(({ atMs }) => goAway.atMs - atMs);
  const isInTime = silences.some((silenceMs) => silenceMs >= idleMs - ROUNDING_MS && silenceMs <= idleMs + slackMs);
  const silenceMs = silences.at(-1) ?? 0;
  // The kit may have closed it at the same moment.
  const isClosed = closed?.by === 'subject' || (closed !== undefined && closed.atMs <= goAway.atMs + slackMs);
  judgeThat(
    judge,
    goAway,
    isInTime && goAway.code === 'IDLE_TIMEOUT' && isClosed,
    () =>
      `after ${idleMs} ms of silence (idle_ms) the connection has to be closed with IDLE_TIMEOUT, and ${isClosed ? 'was closed' : 'was kept'} with ${goAway.code} after ${Math.round(silenceMs)} ms`,
  );
}

export const KEEPALIVE_CLAUSES: readonly Clause[] = [idleTimeout];

import type { Backlog, Place } from '../ports.ts';
import { Gathering } from './backlog.ts';
import type { IndexRecord } from './index-record.ts';
import type { JoinedWalks } from './joined-walks.ts';
import type { LiveGatherings } from './live-gathering.ts';
import type { LogReader } from './log-reader.ts';
import type { QueueTable } from './queue-table.ts';
import { Selector } from './selector.ts';
import type { SessionEntries } from './session-entries.ts';
import type { SessionRecord } from './session-record.ts';
import type { Tails } from './tails.ts';
import { unlessEnded } from './waiting.ts';

export interface ResumeScope {
  readonly queues: QueueTable;
  readonly tails: Tails;
  readonly reader: LogReader;
  readonly walks: JoinedWalks;
  readonly live: LiveGatherings;
}

/** A session that goes on. */
export interface Resumed {
  /** Its record, with the positions that hold. */
  readonly record: SessionRecord;
  readonly entries: SessionEntries;
  /**
   * How far each data queue was indexed for this session, by number; empty where that is not known. It was read before the
   * pointers were.
   */
  readonly indexed: ReadonlyMap<number, number>;
}

/** Until when the indexers' positions count for a session: they had to know it. */
export function indexedFor(indexes: ReadonlyMap<number, IndexRecord>, stateQueue: string, version: number): Map<number, number> {
  const known = [...indexes].filter(([, { seen }]) => (seen.get(stateQueue) ?? 0) >= version);
  return new Map(known.map(([number, { position }]) => [number, position]));
}

/**
 * What a session still has to get: its pointers, what no indexer had come to, and what arrives meanwhile. The work is that of
 * what the session missed, not that of the log.
 *
 * @param ended while a broker is away it may take for ever: then it is given up.
 * @returns `end`, which ends the gathering: from then on `arrived` tells. It must be called once.
 * @throws QanatError where the log cannot be read; TIMEOUT where it was given up.
 */
export async function gatherBacklog(
  scope: ResumeScope,
  { record, entries, indexed }: Resumed,
  ended: AbortSignal,
): Promise<() => Backlog> {
  const { queues, tails, reader, live } = scope;
  const gathering = new Gathering();
  const selector = new Selector(record.clientId, record.subscriptions);
  const cursor = new Map([...record.cursor].map(([name, offset]) => [queues.numberOfName(name), offset]));
  const positions = tails.positions();
  const endLive = live.begin((message) => {
    const { queue, offset } = message;
    if (offset >= (cursor.get(queue) ?? 0) && selector.selects(message)) gathering.add(queue, offset);
  });
  try {
    const work: Promise<unknown>[] = [];
    // Another bridge may have been ahead: what it sent must not arrive here.
    for (const [queue, offset] of cursor) if (positions.has(queue)) work.push(tails.reached(queue, offset, ended));
    for (const { queue, offset } of [...entries.finished, ...entries.exchanges])
      if (positions.has(queue)) work.push(tails.reached(queue, offset + 1, ended));
    for (const { pointers } of entries.pointers) {
      const queue = queues.numberOfName(pointers.queue);
      const { offsets, scan } = pointers;
      // The indexer may have been ahead, too.
      const end = Math.max((offsets.at(-1) ?? -1) + 1, scan === undefined || scan.to === Number.POSITIVE_INFINITY ? 0 : scan.to);
      if (positions.has(queue)) work.push(tails.reached(queue, end, ended));
      if (scan === undefined || scan.to === Number.POSITIVE_INFINITY) gathering.addPointers(queue, pointers);
      else work.push(lookThrough(scope, gathering, record, queue, scan.from, scan.to));
    }
    if (!selector.empty) {
      for (const [queue, to] of positions) {
        const from = Math.max(cursor.get(queue) ?? 0, indexed.get(queue) ?? 0);
        work.push(lookThrough(scope, gathering, record, queue, from, to));
      }
    }
    await unlessEnded(Promise.all(work), ended);
    const taken = [...entries.finished, ...entries.exchanges];
    const unscanned = takenFromScans(gathering, taken).map(({ queue, offset }) => unscan(queue, offset));
    await unlessEnded(Promise.all(unscanned), ended);
  } catch (error) {
    endLive();
    throw error;
  }
  return () => {
    endLive();
    return gathering.end(entries.finished, entries.exchanges, entries.sent);
  };

  /** A scan would send again what an exchange has sent: up to there the places are listed. */
  async function unscan(queue: number, last: number): Promise<void> {
    const from = gathering.takeScan(queue, last + 1);
    await reader.walk(queue, from, last + 1, (message) => {
      if (selector.selects(message)) gathering.add(queue, message.offset);
      return true;
    });
  }
}

function lookThrough(
  { walks }: ResumeScope,
  gathering: Gathering,
  { clientId, subscriptions }: SessionRecord,
  queue: number,
  from: number,
  to: number,
): Promise<void> {
  return walks.look(queue, {
    clientId,
    subscriptions,
    from,
    to,
    found: ({ offset }) => gathering.add(queue, offset),
    enough: ({ offset }) => gathering.isScanned(queue, offset),
  });
}

/** Of each queue the last place that was taken and would be scanned. */
function takenFromScans(gathering: Gathering, taken: readonly Place[]): Place[] {
  const last = new Map<number, number>();
  for (const { queue, offset } of taken) {
    if (gathering.isScanned(queue, offset)) last.set(queue, Math.max(offset, last.get(queue) ?? 0));
  }
  return [...last].map(([queue, offset]) => ({ queue, offset }));
}

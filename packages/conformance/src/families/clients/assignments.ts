import type { ConnectionSeen, FrameSeen, Header } from '../../history/view.ts';
import { type Facts, framesOf, once } from './facts.ts';

export interface LeaseTold {
  readonly topic: string;
  readonly queue: number;
  readonly epoch: number;
  readonly startOffset: number;
  readonly releasing: boolean;
}

/** One assignment as a broker of the kit told it, its frames joined. */
export interface Told {
  readonly connection: ConnectionSeen;
  readonly node: string;
  readonly term: number;
  readonly member: string;
  readonly group: string;
  readonly generation: number;
  readonly members: number;
  readonly queues: number;
  readonly idle: boolean;
  readonly leases: readonly LeaseTold[];
  /** The first and the last frame of it. */
  readonly first: FrameSeen;
  readonly last: FrameSeen;
}

/** The assignment in a frame: of ASSIGNMENT, or in an answer to CLIENT_HEARTBEAT. */
function assignmentIn({ name, isResponse, isError, header }: FrameSeen): Header {
  if (name === 'ASSIGNMENT' && !isResponse) return header;
  return name === 'CLIENT_HEARTBEAT' && isResponse && !isError ? header?.assignment : undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: the generated type of a lease.
const leaseOf = ({ topic, queue, epoch, startOffset, state }: any): LeaseTold => ({
  topic,
  queue,
  epoch,
  startOffset,
  releasing: state !== 0,
});

function toldOn(connection: ConnectionSeen, endIndex: number): readonly Told[] {
  const found: Told[] = [];
  /** Frames with MORE, by what joins them. */
  const begun = new Map<string, FrameSeen[]>();
  for (const frame of framesOf(connection, 'kit')) {
    if (frame.index >= endIndex || (frame.name !== 'ASSIGNMENT' && frame.name !== 'CLIENT_HEARTBEAT')) continue;
    const key = frame.isResponse ? `${frame.correlation}` : 'push';
    const frames = [...(begun.get(key) ?? []), frame];
    begun.set(key, frames);
    if (frame.more) continue;
    begun.delete(key);
    const headers = frames.map(assignmentIn).filter((header) => header !== undefined);
    const [head] = headers;
    if (head === undefined) continue;
    const { member, group, generation, members, queues, idle } = head;
    found.push({
      connection,
      node: connection.node,
      term: connection.helloOk?.term ?? 0,
      member,
      group,
      generation,
      members,
      queues,
      idle: idle === true,
      leases: headers.flatMap((header) => header.leases.map(leaseOf)),
      first: frames[0] as FrameSeen,
      last: frame,
    });
  }
  return found;
}

/** All assignments that the subject was told, in the order in which they were complete. */
export const assignmentsOf = once((facts: Facts): readonly Told[] =>
  facts.connections.flatMap((connection) => toldOn(connection, facts.end.index)).toSorted((a, b) => a.last.index - b.last.index),
);

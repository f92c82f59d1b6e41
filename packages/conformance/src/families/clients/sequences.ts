import type { ConnectionSeen, FrameSeen } from '../../history/view.ts';
import type { Facts } from './facts.ts';

export const framesOfSubject = ({ frames }: ConnectionSeen): readonly FrameSeen[] =>
  frames.filter(({ from }) => from === 'subject');

/** The next connection that the subject opens behind a place, of those that are wanted. */
export const opensLater = (
  facts: Facts,
  index: number,
  wanted: (connection: ConnectionSeen) => boolean,
): ConnectionSeen | undefined =>
  facts.connections.find((connection) => (connection.frames[0]?.index ?? 0) > index && wanted(connection));

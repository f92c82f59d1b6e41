import type { Clause, Judge } from '../../clause/clause.ts';
import type { ConnectionSeen, View } from '../../history/view.ts';
import { SERVERS } from '../framing/outcome.ts';
import { isDisturbed } from '../framing/outlook.ts';

/** A clause for connections of the kit to a server over WebSocket, where nothing disturbed it. */
export const ofServers = (id: string, check: (connection: ConnectionSeen, view: View, judge: Judge) => void): Clause => ({
  id,
  roles: SERVERS,
  binding: 'websocket',
  check(view, judge) {
    if (isDisturbed(view)) return;
    for (const connection of view.connections)
      if (connection.openedBy === 'kit' && connection.binding === 'websocket') check(connection, view, judge);
  },
});

import { once } from '../../history/once.ts';
import type { ConnectionSeen, View } from '../../history/view.ts';
import { attemptsOf, userBy } from '../authentication/logins.ts';

/** Roles for which no route is hidden. */
const ALL_SEEING = ['admin', 'broker', 'replica'];

const shortSighted = once((view): ReadonlySet<ConnectionSeen> => {
  const limited = attemptsOf(view).filter(
    (attempt) => userBy(view, attempt)?.roles.some((role) => ALL_SEEING.includes(role)) === false,
  );
  return new Set(limited.map(({ connection }) => connection));
});

/** Whether the table shows whole on a connection: to a client of a NameServer that asks who is there it shows what he may see. */
export const seesAll = (view: View, connection: ConnectionSeen): boolean => !shortSighted(view).has(connection);

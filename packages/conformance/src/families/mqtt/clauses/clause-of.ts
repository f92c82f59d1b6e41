import type { Clause, Judge } from '../../../clause/clause.ts';
import type { View } from '../../../history/view.ts';
import { type LinkSeen, linksOf } from '../mqtt-view.ts';

/** A clause of MQTT: for bridges, which are servers of MQTT. */
export const mqttClause = (id: string, check: Clause['check'], more: Pick<Clause, 'needs'> = {}): Clause => ({
  id,
  roles: ['bridge'],
  ...more,
  check,
});

/** One that looks at each connection alone. */
export const linkClause = (id: string, check: (link: LinkSeen, judge: Judge, view: View) => void): Clause =>
  mqttClause(id, (view, judge) => {
    for (const link of linksOf(view)) check(link, judge, view);
  });

/** What the mapping of the specification asks for that shows to devices alone, as MQTT itself does. */
export const asOf = (id: string, ...clauses: readonly Clause[]): Clause =>
  mqttClause(id, (view, judge) => {
    for (const { check } of clauses) check(view, judge);
  });

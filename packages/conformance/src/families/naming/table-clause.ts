import type { Clause, Judge } from '../../clause/clause.ts';
import type { View } from '../../history/view.ts';
import { tableFindings } from './table-findings.ts';

/** A clause of the NameServer: what a look of its own finds, and what routes and updates show of the table. */
export const tableClause = (id: string, look: (view: View, judge: Judge) => void = () => {}): Clause => ({
  id,
  roles: ['nameserver'],
  check(view, judge) {
    look(view, judge);
    for (const finding of tableFindings(view)) {
      if (finding.id !== id) continue;
      if (finding.sentence === undefined) judge.pass(finding.at);
      else judge.fail(finding.at, finding.sentence, finding.field);
    }
  },
});

import { expect, it } from 'vitest';
import { FAMILIES } from '../../src/families/index.ts';
import { replication } from '../../src/families/replication/index.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { survey } from '../../src/run/survey.ts';
import { checkFamily } from './family-check.ts';

checkFamily(replication);

it.each(['nameserver', 'broker', 'producer', 'consumer'] as const)(
  'replication: a %s breaks no rule of another family in its programs',
  async (role) => {
    const { findings } = await survey(inProcessSite({ role }), replication.programs, FAMILIES);
    const wrong = [...findings.values()].flatMap(({ clause, failures }) =>
      failures.map(({ run, failure }) => `${clause.id} in ${run.program.name}: ${failure.sentence}`),
    );
    expect(wrong).toEqual([]);
  },
);

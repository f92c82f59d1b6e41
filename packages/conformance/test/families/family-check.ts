import { expect, it } from 'vitest';
import type { Role } from '../../src/driver/driver.ts';
import type { Family } from '../../src/play/family.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { survey } from '../../src/run/survey.ts';

/**
 * The engines of this repository keep every clause of a family, and each of them is put to the test by a program of the
 * family.
 */
export function checkFamily(family: Family, options: { readonly unproven?: readonly string[] } = {}): void {
  const roles = [...new Set(family.clauses.flatMap((clause) => clause.roles))] as Role[];
  it.each(roles)(`${family.name}: a %s keeps every clause, with evidence for each`, async (role) => {
    const { findings, harness } = await survey(inProcessSite({ role }), family.programs, [family]);
    expect(harness.map(({ program, why }) => `${program.name}: ${why}`)).toEqual([]);
    const wrong = [...findings.values()].flatMap(({ clause, failures, broken }) => [
      ...failures.map(({ run, failure }) => `${clause.id} in ${run.program.name}: ${failure.sentence}`),
      ...(broken === undefined ? [] : [`${clause.id} breaks: ${broken}`]),
    ]);
    expect(wrong).toEqual([]);
    const silent = [...findings.values()].filter(({ clause, passes }) => passes === 0 && clause.binding !== 'tcp');
    expect(silent.map(({ clause }) => clause.id).filter((id) => !options.unproven?.includes(id))).toEqual([]);
  });
}

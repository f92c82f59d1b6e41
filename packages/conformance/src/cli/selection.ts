import type { Command } from 'commander';
import { ALL_REQUIREMENTS } from '../clause/requirement-list.ts';
import { FAMILIES } from '../families/index.ts';
import type { Family } from '../play/family.ts';
import { UsageError } from './say.ts';

export interface SelectionOptions {
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly family?: readonly string[];
}

const listOption = (value: string, before: readonly string[] = []): readonly string[] => [...before, ...value.split(',')];

export function addSelectionOptions(command: Command): Command {
  return command
    .option(
      '--only <ids>',
      'only these clauses: QNT-PUL-001, QNT-SND-*; several with commas. The programs are the same: --family has fewer',
      listOption,
    )
    .option('--skip <ids>', 'without these clauses', listOption)
    .option('--family <names>', `only these families: ${FAMILIES.map(({ name }) => name).join(', ')}`, listOption);
}

const patternOf = (glob: string): RegExp =>
  new RegExp(`^${glob.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 'i');

/** Whether a clause is among those that are asked for. @throws UsageError for what no requirement is called. */
export function selects({ only, skip }: SelectionOptions): (id: string) => boolean {
  for (const glob of [...(only ?? []), ...(skip ?? [])])
    if (!ALL_REQUIREMENTS.some(({ id }) => patternOf(glob).test(id)))
      throw new UsageError(`there is no requirement ${glob}`, 'qanat-conformance list shows all; * stands for any characters');
  const wanted = only?.map(patternOf);
  const unwanted = (skip ?? []).map(patternOf);
  return (id) => (wanted === undefined || wanted.some((one) => one.test(id))) && !unwanted.some((one) => one.test(id));
}

/** @throws UsageError for a family that there is not. */
export function familiesOf({ family }: SelectionOptions): readonly Family[] {
  const unknown = family?.find((name) => !FAMILIES.some((one) => one.name === name));
  if (unknown !== undefined)
    throw new UsageError(`there is no family ${unknown}`, `the families are ${FAMILIES.map(({ name }) => name).join(', ')}`);
  return family === undefined ? FAMILIES : FAMILIES.filter(({ name }) => family.includes(name));
}

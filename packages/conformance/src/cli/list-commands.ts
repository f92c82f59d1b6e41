import type { Command } from 'commander';
import { REQUIREMENTS, type Requirement } from '../clause/gen/requirements.ts';
import { EXCLUSIONS } from '../families/exclusions/index.ts';
import { FAMILIES } from '../families/index.ts';
import { binds } from '../run/explore.ts';
import { type Terminal, UsageError } from './say.ts';
import { addSelectionOptions, familiesOf, type SelectionOptions, selects } from './selection.ts';
import { roleOf } from './subject.ts';

interface ListOptions extends SelectionOptions {
  readonly role?: string;
  readonly json?: boolean;
}

/** What the kit has for one requirement. */
interface Listed {
  readonly requirement: Requirement;
  readonly family: string | undefined;
  readonly roles: readonly string[];
  readonly needs: readonly string[];
  readonly excluded: string | undefined;
}

export function addListCommands(program: Command, terminal: Terminal, ended: (code: number) => void): void {
  const list = program
    .command('list')
    .description('the requirements, and what this kit has for each')
    .option('--role <role>', 'those that bind this role');
  addSelectionOptions(list)
    .option('--json', 'one JSON object a line')
    .action((options: ListOptions) => {
      for (const line of listed(options)) terminal.out(`${line}\n`);
      ended(0);
    });
  program
    .command('explain <id>')
    .description('one requirement: its text, who is bound, and the programs that put it to the test')
    .action((id: string) => {
      terminal.out(explanationOf(id));
      ended(0);
    });
}

function listed(options: ListOptions): readonly string[] {
  const role = options.role === undefined ? undefined : roleOf(options.role);
  const families = new Set(familiesOf(options).map(({ name }) => name));
  const wanted = selects(options);
  return REQUIREMENTS.filter((one) => wanted(one.id) && (role === undefined || binds(one, role)))
    .map(whatFor)
    .filter(({ family }) => options.family === undefined || (family !== undefined && families.has(family)))
    .map((one) => (options.json === true ? jsonLine(one) : textLine(one)));
}

function whatFor(requirement: Requirement): Listed {
  const family = FAMILIES.find(({ clauses }) => clauses.some(({ id }) => id === requirement.id));
  const clauses = FAMILIES.flatMap((one) => one.clauses.filter(({ id }) => id === requirement.id));
  return {
    requirement,
    family: family?.name,
    roles: clauses.flatMap(({ roles }) => roles),
    needs: [...new Set(clauses.flatMap(({ needs = [] }) => needs))],
    excluded: EXCLUSIONS[requirement.id],
  };
}

const jsonLine = ({ requirement, ...rest }: Listed): string => JSON.stringify({ ...requirement, ...rest });

function textLine({ requirement, family, excluded }: Listed): string {
  const { id, roles, level, text } = requirement;
  const where = family ?? (excluded === undefined ? 'no clause' : 'excluded');
  return `${id}  ${level.padEnd(6)} ${roles.padEnd(3)} ${where.padEnd(11)} ${text}`;
}

/** @throws UsageError for an id that there is not. */
export function explanationOf(id: string): string {
  const requirement = REQUIREMENTS.find((one) => one.id.toLowerCase() === id.toLowerCase());
  if (requirement === undefined) throw new UsageError(`there is no requirement ${id}`, 'qanat-conformance list shows all');
  const { roles, needs, excluded, family } = whatFor(requirement);
  const programs = FAMILIES.filter(({ name }) => name === family).flatMap((one) => one.programs.map(({ name }) => name));
  const lines = [
    `${requirement.id} (${requirement.level}), binds ${requirement.roles.split('').join(', ')}, spec/${requirement.page}`,
    '',
    `  ${requirement.text}`,
    '',
    excluded !== undefined && roles.length === 0 ? `Not checked: ${excluded}` : '',
    roles.length > 0 ? `Checked for: ${[...new Set(roles)].join(', ')}, in the family ${family}` : '',
    needs.length > 0 ? `Needs a driver that can: ${needs.join(', ')}` : '',
    roles.length > 0 ? `Programs of the family: ${[...new Set(programs)].join(', ')}` : '',
    roles.length === 0 && excluded === undefined ? 'This kit has no clause for it.' : '',
  ];
  return `${lines.filter((line, i) => line !== '' || i === 1 || i === 3).join('\n')}\n`;
}

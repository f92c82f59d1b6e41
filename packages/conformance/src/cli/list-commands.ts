import type { Command } from 'commander';
import type { Requirement } from '../clause/gen/requirements.ts';
import { ALL_REQUIREMENTS } from '../clause/requirement-list.ts';
import { FAMILIES } from '../families/index.ts';
import { BINDING_NAMES } from '../ground/ground.ts';
import { binds, type Coverage, coverageOf } from '../run/coverage.ts';
import { type Terminal, UsageError } from './say.ts';
import { addSelectionOptions, familiesOf, type SelectionOptions, selects } from './selection.ts';
import { roleOf } from './subject.ts';

/** Programs that are named by the way. */
const PROGRAMS_SHOWN = 8;

interface ExplainOptions {
  readonly role?: string;
  readonly all?: boolean;
}

interface ListOptions extends SelectionOptions {
  readonly role?: string;
  readonly json?: boolean;
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
    .option('--role <role>', 'for this role only')
    .option('--all', `all programs, not ${PROGRAMS_SHOWN} at the most`)
    .action((id: string, options: ExplainOptions) => {
      terminal.out(explanationOf(id, options));
      ended(0);
    });
}

function listed(options: ListOptions): readonly string[] {
  const role = options.role === undefined ? undefined : roleOf(options.role);
  const families = new Set(familiesOf(options).map(({ name }) => name));
  const wanted = selects(options);
  return ALL_REQUIREMENTS.filter((one) => wanted(one.id) && (role === undefined || binds(one, role)))
    .map((requirement) => ({ requirement, coverage: coverageOf(requirement) }))
    .filter(({ coverage }) => options.family === undefined || familiesFor(coverage).some((name) => families.has(name)))
    .map(({ requirement, coverage }) =>
      options.json === true ? jsonLine(requirement, coverage) : textLine(requirement, coverage),
    );
}

const familiesFor = (coverage: readonly Coverage[]): readonly string[] => [
  ...new Set(coverage.flatMap(({ clauses }) => clauses.map(({ family }) => family))),
];

const jsonLine = (requirement: Requirement, coverage: readonly Coverage[]): string =>
  JSON.stringify({
    ...requirement,
    coverage: coverage.map(({ role, clauses, excluded }) => ({
      role,
      families: clauses.map(({ family }) => family),
      needs: clauses.flatMap(({ clause }) => clause.needs ?? []),
      ...(excluded === undefined ? {} : { excluded }),
    })),
  });

function textLine({ id, roles, level, text }: Requirement, coverage: readonly Coverage[]): string {
  const excluded = coverage.some((one) => one.excluded !== undefined);
  const where = familiesFor(coverage).join(', ') || (excluded ? 'excluded' : 'no clause');
  return `${id}  ${level.padEnd(6)} ${roles.padEnd(3)} ${where.padEnd(17)} ${text}`;
}

/** @throws UsageError for an id that there is not. */
export function explanationOf(id: string, { role, all }: ExplainOptions = {}): string {
  const only = role === undefined ? undefined : roleOf(role);
  const requirement = ALL_REQUIREMENTS.find((one) => one.id.toLowerCase() === id.toLowerCase());
  if (requirement === undefined) throw new UsageError(`there is no requirement ${id}`, 'qanat-conformance list shows all');
  const lines = [
    `${requirement.id} (${requirement.level}), binds ${requirement.roles.split('').join(', ')}, ${pageOf(requirement)}`,
    '',
    `  ${requirement.text}`,
    '',
    ...coverageOf(requirement)
      .filter((coverage) => only === undefined || coverage.role === only)
      .flatMap((coverage) => roleLines(coverage, all === true)),
  ];
  return `${lines.join('\n')}\n`;
}

/** Where it stands: a page of the specification, or another standard. */
const pageOf = ({ page }: Requirement): string => (page.startsWith('https:') ? page : `spec/${page}`);

function roleLines({ role, clauses, excluded }: Coverage, all: boolean): readonly string[] {
  const name = `${role}:`.padEnd(12);
  if (clauses.length === 0) return [`${name}${excluded === undefined ? 'no clause yet' : `not checked: ${excluded}`}`];
  return clauses.flatMap(({ family, clause }) => {
    const limits = [
      ...(clause.needs === undefined ? [] : [`a driver that can: ${clause.needs.join(', ')}`]),
      ...(clause.binding === undefined ? [] : [BINDING_NAMES[clause.binding]]),
      ...(clause.timing === undefined ? [] : ['virtual time']),
    ];
    const programs = FAMILIES.find((one) => one.name === family)?.programs.filter((program) => program.role === role) ?? [];
    const shown = all ? programs : programs.slice(0, PROGRAMS_SHOWN);
    const others = programs.length > shown.length ? [`and ${programs.length - shown.length} more (--all)`] : [];
    return [
      `${name}checked by the family ${family}${limits.length > 0 ? `; needs ${limits.join('; ')}` : ''}`,
      `${' '.repeat(12)}programs of the family: ${[...shown.map((program) => program.name), ...others].join(', ')}`,
    ];
  });
}

import type { Clause } from '../clause/clause.ts';
import type { Requirement } from '../clause/gen/requirements.ts';
import type { Role } from '../driver/driver.ts';
import { ROLES } from '../driver/driver-message.ts';
import { exclusionOf } from '../families/exclusions/index.ts';
import { clausesOf, FAMILIES } from '../families/index.ts';

/** The roles of subjects, with the letters by which the specification says whom a requirement binds. */
const LETTERS: Readonly<Record<Exclude<Role, 'codec'>, string>> = {
  nameserver: 'N',
  broker: 'B',
  producer: 'P',
  consumer: 'C',
  bridge: 'M',
};

const OF_CODECS: ReadonlySet<string> = new Set(clausesOf('codec').map(({ id }) => id));

/**
 * Whether a requirement binds a role. A codec is a part of any of the others: what can be asked of it alone binds it.
 * What binds everybody is judged of the clients and servers that a bridge is made of.
 */
export const binds = ({ id, roles }: Requirement, role: Role): boolean =>
  role === 'codec' ? OF_CODECS.has(id) : (role !== 'bridge' && roles.includes('A')) || roles.includes(LETTERS[role]);

/** What this kit has for a requirement and a role that it binds: clauses, or else a reason why not, or else nothing. */
export interface Coverage {
  readonly role: Role;
  readonly clauses: readonly { readonly family: string; readonly clause: Clause }[];
  readonly excluded: string | undefined;
}

/** For each role that a requirement binds. */
export function coverageOf(requirement: Requirement): readonly Coverage[] {
  return ROLES.filter((role) => binds(requirement, role)).map((role) => {
    const clauses = FAMILIES.flatMap(({ name: family, clauses }) =>
      clauses.filter(({ id, roles }) => id === requirement.id && roles.includes(role)).map((clause) => ({ family, clause })),
    );
    return { role, clauses, excluded: clauses.length > 0 ? undefined : exclusionOf(requirement.id, role) };
  });
}

import fc from 'fast-check';
import type { Role } from '../../driver/driver.ts';
import type { GeneratedPrograms } from '../../play/family.ts';
import type { Step } from '../../play/program.ts';
import { USERS } from './people.ts';
import { requestOf, servedBy } from './requests.ts';

const STEPS_MAX = 30;

const TEXTS = ['a', 'ab', 'abc', 'b'] as const;
const name = fc.constantFrom(...TEXTS);
const permission = fc
  .record({
    actions: fc.uniqueArray(fc.constantFrom('read', 'write', 'create', 'describe', 'all'), { minLength: 1, maxLength: 2 }),
    kind: fc.constantFrom('topic', 'topic', 'group', 'cluster'),
    name: fc.constantFrom(...TEXTS, ''),
    star: fc.boolean(),
  })
  .map(({ actions, kind, name: text, star }) => {
    const end = star || text === '' || kind === 'cluster' ? '*' : '';
    return `${actions.includes('all') ? 'all' : actions.join(',')} ${kind}:${kind === 'cluster' ? '' : text}${end}`;
  });

const somebody = (who: string) =>
  fc.record({
    name: fc.constant(who),
    password: fc.constant(`the password of ${who}`),
    roles: fc.uniqueArray(fc.constantFrom('client', 'client', 'admin', 'broker', 'replica'), { minLength: 1, maxLength: 2 }),
    permissions: fc.array(permission, { maxLength: 3, size: 'max' }),
  });

const known = fc.record({
  op: fc.constant('users'),
  users: fc.tuple(somebody('a'), somebody('ab'), fc.constant(USERS[0])),
});

const stepOf = (role: Role) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ op: fc.constant('open'), as: fc.constantFrom('a', 'a', 'ab', 'root') }) },
    {
      weight: 12,
      arbitrary: fc
        .record({ frame: fc.constantFrom(...servedBy(role)), topic: name, group: name, broker: name, c: fc.nat({ max: 3 }) })
        .map(({ frame, c, ...names }) => ({ ...requestOf(frame, names), c })),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('fence'), c: fc.nat({ max: 3 }) }) },
  );

/** Two users with any roles and rights, and any requests of them about things with names that begin alike. */
const ofServer = (role: Role): GeneratedPrograms => ({
  setup: { users: [...USERS] },
  alone: true,
  needs: ['users'],
  steps: fc
    .tuple(known, fc.array(stepOf(role) as fc.Arbitrary<Step>, { maxLength: STEPS_MAX, size: 'max' }))
    .map(([first, steps]) => [
      first as unknown as Step,
      ...['a', 'ab', 'root'].map((who) => ({ op: 'open', as: who })),
      ...steps,
    ]),
});

export const GENERATED: Readonly<Record<'nameserver' | 'broker', GeneratedPrograms>> = {
  nameserver: ofServer('nameserver'),
  broker: ofServer('broker'),
};

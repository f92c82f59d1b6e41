import { Feature } from '@qanat/core';
import fc from 'fast-check';
import type { GeneratedPrograms } from '../../play/family.ts';
import type { Step } from '../../play/program.ts';
import { ANN, BOB, CERT, ROOT, USERS } from './people.ts';

const STEPS_MAX = 16;

const op = (name: string) => fc.constant(name);
const c = fc.nat({ max: 3 });
const user = fc.constantFrom('ann', 'ann', 'bob', 'root', 'plain', 'nobody');
const text = fc.constantFrom('', 'n,,', 'y,,', ',x=1', '$', '$x', 'a');

const twist = fc.record(
  {
    gs2: fc.constantFrom('n,,', 'y,,', 'p=x,,', 'n,a=root,'),
    name: fc.constantFrom('ann', 'a=nn', ''),
    nonce: fc.constantFrom('a-nonce-of-the-kit-itself', ''),
    first: text,
    channel: text,
    finalNonce: text,
    middle: text,
    proof: fc.constantFrom('', '00'.repeat(32)),
    end: text,
  },
  { requiredKeys: [] },
);

const opened = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: op('open'), as: fc.constantFrom('ann', 'bob', 'root') }) },
  { weight: 5, arbitrary: fc.record({ op: op('open'), hello: fc.constant({ features: [Feature.FEATURE_AUTH] }) }) },
  { weight: 1, arbitrary: fc.record({ op: op('open') }) },
);

const known = fc.subarray([
  ANN,
  { ...BOB, password: 'another' },
  { ...ROOT, roles: ['admin', 'client'] },
  { ...CERT, permissions: ['read topic:*'] },
]);

const step = fc.oneof(
  { weight: 6, arbitrary: opened },
  { weight: 5, arbitrary: fc.record({ op: op('login'), c, user, wait: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ op: op('login'), c, user: fc.constant('ann'), twist, wait: fc.constant(false) }) },
  { weight: 2, arbitrary: fc.record({ op: op('login'), c, user, password: fc.constant('x'), wait: fc.constant(false) }) },
  { weight: 3, arbitrary: fc.record({ op: op('fence'), c }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: op('request'),
      c,
      frame: fc.constantFrom('TOPIC_LIST', 'ROUTE_QUERY', 'TOPIC_CREATE'),
      header: fc.constant({}),
      wait: fc.constant(false),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: op('users'), users: known }) },
  { weight: 3, arbitrary: fc.record({ op: op('pass'), ms: fc.constantFrom(10, 1_100, 1_500) }) },
);

/** Connections that log in, or try to with what is none, while the users change. */
export const GENERATED: GeneratedPrograms = {
  setup: { users: USERS },
  alone: true,
  needs: ['users'],
  steps: fc.array(step as fc.Arbitrary<Step>, { maxLength: STEPS_MAX, size: 'max' }),
};

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { connection } from '../../src/families/connection/index.ts';
import { HELLO_VECTORS } from '../../src/families/connection/programs.ts';
import { checkFamily } from './family-check.ts';

checkFamily(connection);

it('says every HELLO of the vectors', () => {
  const file = new URL('../../../../spec/v1/vectors/hello.json', import.meta.url);
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: { hello: Record<string, unknown> }[] };
  const camel = (name: string): string => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const hellos = cases.map(({ hello }) => Object.fromEntries(Object.entries(hello).map(([name, value]) => [camel(name), value])));
  expect(HELLO_VECTORS).toEqual(hellos);
});

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { connection } from '../../src/families/connection/index.ts';
import { HELLO_VECTORS } from '../../src/families/connection/programs.ts';
import type { HistoryEvent } from '../../src/history/event.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { judgeRun, runProgram } from '../../src/run/run-program.ts';
import { checkFamily } from './family-check.ts';

checkFamily(connection);

interface HelloCase {
  readonly hello: Record<string, unknown>;
  readonly server: { readonly features: readonly number[] };
}

it('says every HELLO of the vectors', () => {
  const file = new URL('../../../../spec/v1/vectors/hello.json', import.meta.url);
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: HelloCase[] };
  const camel = (name: string): string => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const hellos = cases
    .filter(({ server }) => server.features.length === 0)
    .map(({ hello }) => Object.fromEntries(Object.entries(hello).map(([name, value]) => [camel(name), value])));
  expect(HELLO_VECTORS).toEqual(hellos);
});

const failuresOf = (id: string, events: readonly HistoryEvent[]): readonly string[] => {
  const clauses = connection.clauses.filter((clause) => clause.id === id && clause.roles.includes('broker'));
  return judgeRun({ events, slackMs: 5 }, clauses).flatMap(({ failures }) => failures.map(({ sentence }) => sentence));
};

const isRefusal = (event: HistoryEvent): event is HistoryEvent & { bytes: Uint8Array } =>
  event.kind === 'frame' && event.from === 'subject' && event.bytes[6] === 9;

/** An answer with ERROR becomes an empty one. */
const withoutError = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.from([0, 0, 0, 12, ...bytes.subarray(4, 6), 1, 0, ...bytes.subarray(8, 12), 0, 0, 0, 0]);

// No bug of one line shows these two: another part of the engine does the same.
it('finds a broker that waits for the answer to HELLO, and one that serves requests behind its GOAWAY', async () => {
  const eventsOf = async (name: string): Promise<readonly HistoryEvent[]> => {
    const program = connection.programs.find((one) => one.role === 'broker' && one.name === name);
    return program === undefined ? [] : (await runProgram(inProcessSite({ role: 'broker' }), program, [connection])).events;
  };
  const silent = await eventsOf('name-server-does-not-greet');
  expect(failuresOf('QNT-CON-012', silent)).toEqual([]);
  const kept = silent.filter((event) => event.kind !== 'closed');
  expect(failuresOf('QNT-CON-012', kept)[0]).toContain('HELLO was not answered for 5000 ms');

  const stopped = await eventsOf('requests-behind-goaway');
  expect(failuresOf('QNT-CON-018', stopped)).toEqual([]);
  const served = stopped.map((event) => (isRefusal(event) ? { ...event, bytes: withoutError(event.bytes) } : event));
  expect(failuresOf('QNT-CON-018', served)[0]).toContain('has to be answered SHUTTING_DOWN, and was answered well');
});

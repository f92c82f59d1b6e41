import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Role } from '../../src/driver/driver.ts';
import { consume } from '../../src/families/consume/index.ts';
import { FAMILIES } from '../../src/families/index.ts';
import { historyLine } from '../../src/history/history.ts';
import { CLIENT_OPS } from '../../src/play/client-ops.ts';
import type { Family } from '../../src/play/family.ts';
import type { Program, Step } from '../../src/play/program.ts';
import { SERVER_OPS } from '../../src/play/server-ops.ts';
import { drawPrograms } from '../../src/run/draw-programs.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { judgeRun, type Run, runProgram } from '../../src/run/run-program.ts';
import { modelSite } from '../../src/selftest/mqtt/model-driver.ts';

/** `SEED=… npx vitest run packages/conformance/test/play` tries what a failure printed again. */
const PARAMETERS = { seed: Number(process.env.SEED ?? Date.now() % 1e9), verbose: 0 } as const;

const ROLES = ['nameserver', 'broker', 'producer', 'consumer', 'codec'] as const;
const isServer = (role: Role): boolean => role === 'nameserver' || role === 'broker';
/** What has something to talk to. */
const openingOf = (role: Role): Step =>
  role === 'bridge' ? { op: 'connect' } : isServer(role) ? { op: 'open' } : { op: 'start' };
const play = (program: Program, families: readonly Family[] = []): Promise<Run> =>
  runProgram(program.role === 'bridge' ? modelSite() : inProcessSite({ role: program.role }), program, families);

const FIELDS = [
  'c',
  'frame',
  'header',
  'payload',
  'flags',
  'correlation',
  'zeros',
  'chunk',
  'wait',
  'hex',
  'ms',
  'count',
  'topic',
  'file',
  'case',
  'kind',
  'batch',
  'bit',
];
const FRAMES = ['HELLO', 'PING', 'SEND', 'PULL', 'TOPIC_LIST', 'toString', 'NOPE'];

/** Steps of operations that there are, or not, with fields that they look at, of any JSON. */
function anySteps(ops: readonly string[], value: fc.Arbitrary<unknown>): fc.Arbitrary<Step[]> {
  const op = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...ops) }, fc.constantFrom('nope', 'constructor', '__proto__'));
  const field = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...FIELDS) }, fc.string());
  const batch = fc.record({ batch: fc.record({ records: value, count: value, compress: value }), cut: value, patch: value });
  const known = fc.record({ frame: fc.constantFrom(...FRAMES), payload: fc.oneof(batch, value) }, { requiredKeys: [] });
  const step = fc
    .tuple(op, fc.dictionary(field, value, { maxKeys: 5 }), known)
    .map(([name, fields, more]) => ({ ...fields, ...more, op: name }) as Step);
  return fc.array(step, { maxLength: 8, size: 'max' });
}

const json = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger());
/** What operations of families repeat, they repeat as often as they are told. */
const smallJson = fc.oneof(fc.string(), fc.boolean(), fc.constant(null), fc.integer({ min: -3, max: 9 }), fc.array(fc.string()));

it.each(ROLES.filter((role) => role !== 'codec'))('any list of operations is a program for a %s', async (role) => {
  const steps = anySteps(Object.keys(isServer(role) ? SERVER_OPS : CLIENT_OPS), json);
  const property = fc.asyncProperty(steps, async (some) => {
    const run = await play({ family: '', role, steps: [openingOf(role), ...some] });
    expect(run.harness).toBeUndefined();
    // What a header cannot hold is refused by its encoder; nothing else goes wrong in the operations that all families share.
    expect(run.senseless.filter((why) => !/: QanatError: /.test(why))).toEqual([]);
    expect(run.events.some((event) => event.kind === 'step' && event.op === 'end')).toBe(true);
  });
  await fc.assert(property, { ...PARAMETERS, numRuns: 25 });
});

/** Families with operations of their own, and the roles that they have programs for. */
const WITH_OPS = FAMILIES.flatMap(({ name, ops = {}, programs }) =>
  Object.keys(ops).length === 0 ? [] : [...new Set(programs.map(({ role }) => role))].map((role) => [name, role] as const),
);

it.each(WITH_OPS)('also with the operations of %s for a %s, and no checker breaks on what comes of it', async (name, role) => {
  const { ops = {} } = FAMILIES.find((family) => family.name === name) as Family;
  const clauses = FAMILIES.flatMap((one) => one.clauses.filter(({ roles }) => roles.includes(role)));
  const property = fc.asyncProperty(anySteps(Object.keys(ops), smallJson), async (some) => {
    const run = await play({ family: name, role, steps: [openingOf(role), ...some] }, FAMILIES);
    expect(run.harness).toBeUndefined();
    expect(judgeRun(run, clauses).flatMap(({ id, broken }) => (broken === undefined ? [] : [`${id}: ${broken}`]))).toEqual([]);
  });
  await fc.assert(property, { ...PARAMETERS, numRuns: 6 });
});

it('programs survive the way through JSON, and give the same history again', async () => {
  for (const role of ROLES) {
    for (const family of FAMILIES) {
      const [program] = drawPrograms(family, role, 1, PARAMETERS.seed);
      if (program === undefined) continue;
      const kept = JSON.parse(JSON.stringify(program)) as Program;
      expect(kept).toEqual(program);
      const lines = (await play(program, FAMILIES)).events.map(historyLine);
      expect([family.name, role, (await play(kept, FAMILIES)).events.map(historyLine)]).toEqual([family.name, role, lines]);
    }
  }
});

it('programs that are written by hand survive it as well', () => {
  for (const { programs } of FAMILIES) for (const one of programs) expect(JSON.parse(JSON.stringify(one))).toEqual(one);
});

it('the same seed draws the same programs, another one others', () => {
  const drawn = (seed: number): string => JSON.stringify(drawPrograms(consume, 'broker', 5, seed));
  expect(drawn(7)).toBe(drawn(7));
  expect(drawn(8)).not.toBe(drawn(7));
});

import { codeNumber } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import type { Clause } from '../../src/clause/clause.ts';
import { REQUIREMENTS } from '../../src/clause/gen/requirements.ts';
import { ALL_REQUIREMENTS } from '../../src/clause/requirement-list.ts';
import type { Manifest } from '../../src/driver/driver.ts';
import { consume } from '../../src/families/consume/index.ts';
import { framing } from '../../src/families/framing/index.ts';
import type { Family } from '../../src/play/family.ts';
import { terminalReport } from '../../src/report/terminal.ts';
import { readBaseline } from '../../src/run/baseline.ts';
import type { ExploreOptions } from '../../src/run/explore.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { requirementSet } from '../../src/run/requirement-sets.ts';
import { FROZEN_1_0 } from '../../src/run/requirements/v1-0.ts';
import { EXIT_CODES, type Result, type Verdict } from '../../src/run/result.ts';
import { DegenerateServer } from '../../src/selftest/degenerate-servers.ts';
import { alteredServer, asItIs, exploreAs, inErrors, only, withCode } from '../altered-server.ts';

const MISSING = only(framing, 'missing-fields');
const WORKS = only(consume, 'pull-within-limits');
const broken = alteredServer(
  'broker',
  inErrors('PULL', (_, frame) => withCode(frame, codeNumber('TOPIC_NOT_FOUND'))),
);
const sound = alteredServer('broker', asItIs);

/** Explores a few clauses only. */
const verdicts = (ids: readonly string[], options: Partial<ExploreOptions> = {}): Promise<Result> =>
  exploreAs({ site: sound, families: [MISSING, WORKS], only: (id) => ids.includes(id), ...options });

const namesOf = ({ clauses }: Result): Record<string, string> =>
  Object.fromEntries(clauses.map(({ id, verdict }) => [id, verdict]));
const verdictOf = ({ clauses }: Result, id: string): Verdict => clauses.find((one) => one.id === id) as Verdict;

/** A family of one clause, which says what it is told to. */
const saying = (id: string, check: Clause['check'], more: Partial<Clause> = {}): Family => ({
  ...MISSING,
  clauses: [{ id, roles: ['broker'], check, ...more }],
});

describe('the verdict of a clause', () => {
  it('is pass with its evidence counted, and the programs named', async () => {
    const result = await verdicts(['QNT-TYP-004']);
    expect(verdictOf(result, 'QNT-TYP-004')).toMatchObject({ verdict: 'pass', evidence: 7, programs: ['missing-fields'] });
  });

  it('is fail where one program breaks it, whatever others show', async () => {
    const result = await verdicts(['QNT-TYP-004'], { site: broken });
    expect(verdictOf(result, 'QNT-TYP-004')).toMatchObject({ verdict: 'fail', evidence: 5 });
    expect(verdictOf(result, 'QNT-TYP-004').failure).toMatchObject({ confirmed: 2, confirmations: 2, failingPrograms: 1 });
  });

  it('is not given for clauses of families that were not asked for', async () => {
    const result = await verdicts(['QNT-TYP-004', 'QNT-BAT-002']);
    expect(namesOf(result)).toEqual({ 'QNT-TYP-004': 'pass' });
    expect(result.partial).toBe(true);
    expect(terminalReport(result)).toContain('CONFORMANT in what was asked for');
  });

  it('is inconclusive, not-run or excluded with the reason where nothing is known', async () => {
    const result = await verdicts(['QNT-FRM-022', 'QNT-TCP-001', 'QNT-TYP-008']);
    expect(result.clauses.map(({ verdict, reason }) => [verdict, reason])).toEqual([
      ['excluded', expect.stringContaining('the only lists of integers')],
      ['inconclusive', 'no program put it to the test'],
      ['not-run', 'only over TCP: --transport tcp'],
    ]);
    expect(result.notProved).toBe(1);
  });

  it('is not-run over another transport, and the subject conformant all the same', async () => {
    const family = saying('QNT-WSK-002', () => {}, { binding: 'websocket' });
    const over = async (transports: Manifest['transports']): Promise<Result> => {
      const manifest = { ...sound.manifest, ...(transports === undefined ? {} : { transports }) };
      return verdicts(['QNT-WSK-002', 'QNT-TYP-004'], { site: { ...sound, manifest }, families: [family, framing] });
    };
    const without = await over(undefined);
    expect(verdictOf(without, 'QNT-WSK-002')).toMatchObject({
      verdict: 'not-run',
      reason: 'only over WebSocket, which the subject does not name',
    });
    expect([verdictOf(without, 'QNT-TYP-004')?.verdict, without.settled]).toEqual(['pass', 'conformant']);
    const reason = 'only over WebSocket: --transport websocket';
    expect(verdictOf(await over(['tcp', 'websocket']), 'QNT-WSK-002')).toMatchObject({ verdict: 'not-run', reason });
  });

  it('is not-run where the subject lacks what the clause needs', async () => {
    const family = saying('QNT-SND-001', () => {}, { needs: ['kill'] });
    const site = { ...sound, manifest: { ...sound.manifest, abilities: [] } };
    const result = await verdicts(['QNT-SND-001'], { site, families: [family] });
    expect(verdictOf(result, 'QNT-SND-001')).toMatchObject({ verdict: 'not-run', reason: 'needs a driver that can: kill' });
  });

  it('is inconclusive where the checker breaks', async () => {
    const family = saying('QNT-SND-001', (_, judge) => {
      judge.pass(0);
      throw new Error('a defect');
    });
    const verdict = verdictOf(await verdicts(['QNT-SND-001'], { families: [family] }), 'QNT-SND-001');
    expect(verdict).toMatchObject({ verdict: 'inconclusive', evidence: 0, reason: expect.stringContaining('a defect') });
  });

  it('is a warning for a SHOULD, and a failure with strict', async () => {
    const should = REQUIREMENTS.find(({ level, roles }) => level === 'SHOULD' && /[AB]/.test(roles))?.id as string;
    const family = saying(should, (_, judge) => judge.fail(0, 'it does not'));
    const result = await verdicts([should], { families: [family, WORKS] });
    expect(verdictOf(result, should).verdict).toBe('warning');
    expect(result.settled).not.toBe('nonconformant');
    expect((await verdicts([should], { families: [family], strict: true })).settled).toBe('nonconformant');
  });

  it('is never pass for a subject that does not do its work', async () => {
    const site = {
      ...inProcessSite({ role: 'broker', driver: (ground) => new DegenerateServer('always OK', 'broker', ground) }),
    };
    const family = saying('QNT-SND-001', (_, judge) => judge.pass(0));
    const result = await verdicts(['QNT-SND-001'], { site: { ...site, manifest: sound.manifest }, families: [family] });
    expect(verdictOf(result, 'QNT-SND-001')).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('no credit'),
    });
    expect(result.settled).toBe('inconclusive');
  });

  it('has credit where the chosen programs had no occasion to show that it works', async () => {
    const result = await verdicts(['QNT-TYP-004'], { families: [MISSING] });
    expect(namesOf(result)).toEqual({ 'QNT-TYP-004': 'pass' });
  });
});

describe('a clause that failed once on real time, and not again', () => {
  const site = { ...sound, timing: 'real' as const };
  const failingOnce = (): Family => {
    let judged = 0;
    return saying('QNT-TYP-004', (_, judge) => (judged++ === 0 ? judge.fail(0, 'it came late') : judge.pass(0)));
  };

  it('is pass, with what came late in the reason: that was the machine', async () => {
    const family = failingOnce();
    const programs = [...family.programs, ...family.programs];
    const result = await verdicts(['QNT-TYP-004'], { site, families: [{ ...family, programs }, WORKS] });
    expect(verdictOf(result, 'QNT-TYP-004')).toMatchObject({ verdict: 'pass', reason: 'late once, and not again: it came late' });
  });

  it('stays a failure when the run is broken off before it could be asked again', async () => {
    const interrupt = new AbortController();
    const onProgress = (_: number, __: number, what: string): void => void (what.includes('judging') && interrupt.abort());
    const result = await verdicts(['QNT-TYP-004'], { site, families: [failingOnce()], signal: interrupt.signal, onProgress });
    expect(verdictOf(result, 'QNT-TYP-004')).toMatchObject({ verdict: 'fail', failure: { confirmations: 0 } });
  });
});

describe('the verdict of a run', () => {
  it('is conformant when every MUST holds that can be put to the test', async () => {
    const result = await verdicts(['QNT-TYP-004', 'QNT-TYP-008']);
    expect(result.settled).toBe('conformant');
  });

  it('is inconclusive when one was never put to the test, or nothing held', async () => {
    expect((await verdicts(['QNT-TYP-004', 'QNT-FRM-022'])).settled).toBe('inconclusive');
    expect((await verdicts(['QNT-TYP-008'])).settled).toBe('inconclusive');
    expect((await verdicts([])).settled).toBe('inconclusive');
  });

  it('is inconclusive at best for a black box', async () => {
    const site = { ...sound, manifest: { ...sound.manifest, abilities: [] } };
    const family = saying('QNT-SND-001', () => {}, { needs: ['kill'] });
    expect((await verdicts(['QNT-SND-001', 'QNT-PUL-012'], { site, families: [WORKS, family] })).settled).toBe('inconclusive');
  });

  it('is nonconformant before anything else, and harness before conformant', async () => {
    const programs = MISSING.programs.map((program) => ({ ...program, family: 'stuck' }));
    const ops = { frame: () => Promise.reject(new Error('the kit stumbles')) };
    const stuck: Family = { name: 'stuck', clauses: [], programs, ops };
    const result = await verdicts(['QNT-TYP-004'], { families: [stuck, WORKS] });
    expect(result.harness).toEqual([{ program: 'missing-fields', why: expect.stringContaining('the kit stumbles') }]);
    expect(result.settled).toBe('harness');
    const worse = await verdicts(['QNT-TYP-004'], { site: broken, families: [stuck, MISSING, WORKS] });
    expect(worse.settled).toBe('nonconformant');
  });

  it('has an exit code each', () => {
    expect(EXIT_CODES).toEqual({ conformant: 0, nonconformant: 1, inconclusive: 2, harness: 3, incomplete: 3 });
  });
});

describe('the record of a run', () => {
  it('is incomplete until it is settled, which comes last', async () => {
    const told: Partial<Result>[] = [];
    const result = await verdicts(['QNT-TYP-004'], { onResult: ({ settled, clauses }) => told.push({ settled, clauses }) });
    expect(told).toEqual([
      { settled: 'incomplete', clauses: [] },
      { settled: 'conformant', clauses: result.clauses },
    ]);
  });

  it('stays incomplete when the run is broken off, also where something had failed', async () => {
    const interrupt = new AbortController();
    const onProgress = (done: number): void => void (done === 1 && interrupt.abort());
    const result = await verdicts(['QNT-TYP-004'], { site: broken, signal: interrupt.signal, onProgress });
    expect(result).toMatchObject({ settled: 'incomplete', programs: 1 });
    expect(verdictOf(result, 'QNT-TYP-004')).toMatchObject({ verdict: 'fail', failure: { confirmations: 0 } });
  });
});

describe('the version of a verdict', () => {
  const optional = 'QNT-AUT-014';
  const none = { ...sound.manifest, abilities: ['kill', 'stop'] as const };

  it('is that of what the subject has: without authentication it is the first one, and nothing is missing', async () => {
    const site = { ...sound, manifest: none };
    const families = [MISSING, WORKS, saying(optional, () => {}, { needs: ['users'] })];
    const result = await verdicts(['QNT-TYP-004', optional], { site, families });
    expect(verdictOf(result, optional)).toMatchObject({ verdict: 'not-run', reason: 'this subject does not authenticate' });
    expect([result.settled, result.spec]).toEqual(['conformant', '1.0']);
    expect(terminalReport({ ...result, partial: false })).toContain('CONFORMANT with version 1.0: every MUST that applies');
    expect(terminalReport({ ...result, partial: false })).toContain('1 optional ones were not run');
  });

  it('is the later one where something of it was put to the test', async () => {
    const families = [MISSING, WORKS, saying(optional, (_, judge) => judge.pass(0))];
    const result = await verdicts(['QNT-TYP-004', optional], { families });
    expect([result.settled, result.spec]).toEqual(['conformant', '1.1']);
  });

  it('is not that of a feature which the subject does not offer, and nothing is missing', async () => {
    const families = [MISSING, WORKS, saying('QNT-KST-010', () => {}, { feature: 31 })];
    const result = await verdicts(['QNT-TYP-004', 'QNT-KST-010', 'QNT-KST-012'], { families });
    expect(verdictOf(result, 'QNT-KST-010')).toMatchObject({
      verdict: 'not-run',
      reason: 'this subject does not offer feature 31',
    });
    expect([result.settled, result.spec]).toEqual(['conformant', '1.0']);
  });

  it('leaves a black box without authentication as good as it is', async () => {
    const site = { ...sound, manifest: { ...none, abilities: [] } };
    const families = [MISSING, WORKS, saying(optional, () => {}, { needs: ['users'] })];
    expect((await verdicts(['QNT-TYP-004', optional], { site, families })).settled).toBe('conformant');
    const needsMore = [MISSING, WORKS, saying('QNT-SND-001', () => {}, { needs: ['kill'] })];
    expect((await verdicts(['QNT-TYP-004', 'QNT-SND-001'], { site, families: needsMore })).settled).toBe('inconclusive');
  });
});

describe('frozen requirements', () => {
  it('are judged without what came later', async () => {
    const ids = new Set(['QNT-TYP-004']);
    expect(namesOf(await verdicts(['QNT-TYP-004', 'QNT-FRM-007'], { requirements: ids }))).toEqual({ 'QNT-TYP-004': 'pass' });
  });

  it('of 1.0 are ids of the specification, in its order', () => {
    const current = REQUIREMENTS.map(({ id }) => id);
    const set = requirementSet('1.0') ?? new Set();
    expect([...set].filter((id) => !current.includes(id))).toEqual([]);
    expect([...set]).toEqual(FROZEN_1_0);
    expect([...(requirementSet('1.1') ?? [])]).toEqual(current.filter((id) => !/^QNT-(MQT|KST)-/.test(id)));
    expect([...(requirementSet('1.2') ?? [])]).toEqual(ALL_REQUIREMENTS.map(({ id }) => id));
    expect(requirementSet('0.9')).toBeUndefined();
  });
});

describe('a baseline', () => {
  const entry = { clause: 'QNT-TYP-004', reason: 'an old client', issue: 'https://example.org/7', signature: 'got TOPIC_NOT_' };
  const known = (change: object = {}): Partial<ExploreOptions> => ({
    baseline: readBaseline(JSON.stringify([{ ...entry, ...change }])),
  });

  it('makes a failure expected that is the known one', async () => {
    const result = await verdicts(['QNT-TYP-004', 'QNT-FRM-007'], { site: broken, ...known() });
    const { verdict, reason } = verdictOf(result, 'QNT-TYP-004');
    expect([verdict, reason]).toEqual(['expected', 'an old client (https://example.org/7)']);
    expect(result.settled).toBe('conformant');
  });

  it('is stale, and the run nonconformant, when the clause fails otherwise', async () => {
    const result = await verdicts(['QNT-TYP-004'], { site: broken, ...known({ signature: 'got nothing' }) });
    expect(verdictOf(result, 'QNT-TYP-004')).toMatchObject({
      verdict: 'stale',
      reason: expect.stringContaining('(got nothing)'),
    });
    expect(result.settled).toBe('nonconformant');
  });

  it('does not excuse another failure of the clause beside the known one', async () => {
    const check: Clause['check'] = ({ events }, judge) =>
      judge.fail(0, events.length > 6 ? 'got TOPIC_NOT_FOUND' : `got nothing in ${events.length} events`);
    const programs = MISSING.programs.flatMap((one) => [one, { ...one, name: 'short', steps: one.steps.slice(0, 1) }]);
    const family = { ...saying('QNT-TYP-004', check), programs };
    const { verdict, failure } = verdictOf(await verdicts(['QNT-TYP-004'], { families: [family], ...known() }), 'QNT-TYP-004');
    expect([verdict, failure?.sentence]).toEqual(['stale', expect.stringContaining('got nothing')]);
  });

  it('does not let the known failures of many short programs crowd out another one', async () => {
    const check: Clause['check'] = ({ events }, judge) =>
      judge.fail(0, events.length > 6 ? 'got nothing' : 'got TOPIC_NOT_FOUND');
    const short = MISSING.programs.flatMap((one) => [1, 2, 3, 4].map((i) => ({ ...one, name: `${i}`, steps: [] })));
    const family = { ...saying('QNT-TYP-004', check), programs: [...short, ...MISSING.programs] };
    const { verdict, failure } = verdictOf(await verdicts(['QNT-TYP-004'], { families: [family], ...known() }), 'QNT-TYP-004');
    expect([verdict, failure?.sentence, failure?.failingPrograms]).toEqual(['stale', 'got nothing', 1]);
  });

  it('is kept to while the failing program is made smaller', async () => {
    const check: Clause['check'] = ({ events }, judge) => judge.fail(0, events.length > 6 ? 'got TOPIC_NOT_FOUND' : 'got less');
    const family = saying('QNT-TYP-004', check);
    const { verdict, failure } = verdictOf(await verdicts(['QNT-TYP-004'], { families: [family], ...known() }), 'QNT-TYP-004');
    expect([verdict, failure?.sentence]).toEqual(['expected', 'got TOPIC_NOT_FOUND']);
    expect(failure?.history.length).toBeGreaterThan(6);
  });

  it('is stale when the clause holds again', async () => {
    const result = await verdicts(['QNT-TYP-004'], known());
    expect(verdictOf(result, 'QNT-TYP-004')).toMatchObject({
      verdict: 'stale',
      reason: expect.stringContaining('take the entry out'),
    });
    expect(result.settled).toBe('nonconformant');
  });

  it('is not stale for a clause that was not put to the test', async () => {
    const result = await verdicts(['QNT-TYP-004'], { families: [{ ...MISSING, programs: [] }, WORKS], ...known() });
    expect(verdictOf(result, 'QNT-TYP-004').verdict).toBe('inconclusive');
  });

  it.each([
    ['{', /no JSON/],
    ['{}', /is a list of entries/],
    ['[1]', /entry 1 of the baseline is no object/],
    [JSON.stringify([entry, { ...entry, reason: '' }]), /entry 2 of the baseline has no "reason"/],
    [JSON.stringify([{ ...entry, signature: '(' }]), /entry 1 .* its signature is no regular expression/],
    [JSON.stringify([{ ...entry, clause: 'QNT-TYP-none' }]), /entry 1 .* there is no requirement QNT-TYP-none/],
    [JSON.stringify([entry, entry]), /entry 2 .* QNT-TYP-004 has an entry already/],
  ])('that reads %s is refused', (text, says) => {
    expect(() => readBaseline(text)).toThrow(says);
  });
});

import type { BrokerGroup, ReplicaDetails, ReplicaStatus } from '@qanat/client';
import { QanatError } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import { groupDocument, problemsOf } from '../src/output/replica-view.ts';

const DETAILS: ReplicaDetails = {
  term: 3,
  state: 'slave',
  haltedBy: '',
  elected: false,
  logEnd: 900,
  stored: 800,
  committed: 700,
  oldest: 0,
  flush: 'sync',
  minInSync: 2,
  following: '',
};

const replica = (number: number, role: 'master' | 'slave', more: Partial<ReplicaStatus> = {}): ReplicaStatus => ({
  replica: number,
  role,
  addresses: [`127.0.0.1:${7_610 + number}`],
  away: false,
  error: undefined,
  details: { ...DETAILS, state: role },
  inSync: true,
  lagBytes: 0,
  ...more,
});

const group = (master: number | undefined, ...replicas: readonly ReplicaStatus[]): BrokerGroup => ({
  broker: 'a',
  cluster: 'default',
  master,
  replicas,
});

const haltedBy = (code: string): ReplicaStatus =>
  replica(1, 'slave', { details: { ...DETAILS, state: 'halted: why', haltedBy: code }, inSync: false });

const SILENT = new QanatError('TIMEOUT', 'no answer within 3 s');
const NO_ANSWER = { error: SILENT, details: undefined, inSync: undefined, lagBytes: undefined };

describe('what is wrong with a broker group', () => {
  it('is nothing where all are in sync, nor where a broker is alone', () => {
    expect(problemsOf(group(0, replica(0, 'master'), replica(1, 'slave')))).toEqual([]);
    expect(problemsOf(group(undefined, replica(0, 'master', { ...NO_ANSWER, error: undefined })))).toEqual([]);
  });

  it('is a missing master first, with the command that promotes the slave that has most', () => {
    const behind = replica(2, 'slave', { details: { ...DETAILS, stored: 10 } });
    const [first, second, ...more] = problemsOf(group(undefined, replica(0, 'master', NO_ANSWER), behind, replica(1, 'slave')));
    expect(first).toMatchObject({
      text: expect.stringMatching(/^a has no master/),
      hint: 'start its master again, or: qanat broker promote a --replica 1',
    });
    expect(second?.text).toBe('replica 0 of a does not answer: no answer within 3 s');
    expect(more).toEqual([]);
  });

  it('is a missing master, with a slave that is in sync for a promotion although another one has more', () => {
    const more = replica(2, 'slave', { details: { ...DETAILS, stored: 900 }, inSync: false });
    const [first] = problemsOf(group(undefined, replica(0, 'master', NO_ANSWER), more, replica(1, 'slave')));
    expect(first?.hint).toMatch(/qanat broker promote a --replica 1$/);
  });

  it('is a missing master, and nothing to promote where one is elected', () => {
    const elected = replica(1, 'slave', { details: { ...DETAILS, elected: true } });
    const [first] = problemsOf(group(undefined, replica(0, 'master', NO_ANSWER), elected));
    expect(first?.hint).toBe('a replica that is in sync is elected within seconds');
  });

  it('is a missing master, with the loss to accept where nobody who answers is in sync', () => {
    const [first] = problemsOf(group(undefined, replica(0, 'slave', { inSync: false }), replica(1, 'slave', { inSync: false })));
    expect(first?.hint).toMatch(/start those that were in sync.*--flush async.*qanat broker promote a --replica 0 --accept-loss/);
  });

  it('is a master that waits for a NameServer', () => {
    const state = 'undecided (NameServer 10.0.0.2:7600 to tell what is on record)';
    const waits = replica(0, 'slave', { details: { ...DETAILS, state }, inSync: false });
    const [first] = problemsOf(group(undefined, waits, replica(1, 'slave')));
    expect(first?.text).toBe(`a has no master yet: replica 0 is ${state}`);
    expect(first?.hint).toContain('start what it waits for');
  });

  it('names no slave for a promotion that has diverged, and has it started with an empty directory', () => {
    const halted = haltedBy('CORRUPT_LOG');
    const problems = problemsOf(group(undefined, replica(0, 'master', NO_ANSWER), halted));
    expect(problems[0]?.hint).toBe('start its master again');
    expect(problems[1]?.text).toMatch(/^replica 1 of a is halted/);
    expect(problems[1]?.hint).toContain('start it with an empty directory');
  });

  it('has the loss accepted where the only replica that had everything may have lost some, and its data kept', () => {
    const problems = problemsOf(group(undefined, haltedBy('RECOVERY_REQUIRED')));
    expect(problems).toHaveLength(2);
    for (const { hint } of problems) {
      expect(hint).toContain('qanat broker promote a --replica 1 --accept-loss');
      expect(hint).not.toMatch(/empty|put its data away/);
    }
    expect(problems[1]?.text).toMatch(/^replica 1 of a is halted: it alone had everything/);
  });

  it('names no slave for a promotion whose number another process has, and says which of them to change', () => {
    const problems = problemsOf(group(undefined, replica(0, 'master', NO_ANSWER), haltedBy('REPLICA_TAKEN')));
    expect(problems[0]?.hint).toBe('start its master again');
    expect(problems[1]?.text).toBe('replica 1 of a is halted: another process runs with its number');
    expect(problems[1]?.hint).toMatch(/^stop one of the two, or give it a number/);
  });

  it('throws nothing away of a halted replica that does not say what halted it', () => {
    const [, problem] = problemsOf(group(undefined, replica(0, 'master', NO_ANSWER), haltedBy('')));
    expect(problem?.hint).toContain('change nothing in its directory');
  });

  it('is that fewer are in sync than the master demands', () => {
    const [problem] = problemsOf(group(0, replica(0, 'master'), replica(1, 'slave', { inSync: false, lagBytes: 5_000 })));
    expect(problem?.text).toBe('a has 1 of 2 replicas in sync: sends are refused with NOT_ENOUGH_REPLICAS');
  });

  it('is an old master that does not know it yet', () => {
    const old = replica(0, 'master', { details: { ...DETAILS, term: 2 }, inSync: false });
    const problems = problemsOf(group(1, old, replica(1, 'master'), replica(2, 'slave')));
    expect(problems.map(({ text }) => text)).toEqual([
      'replica 0 of a still takes itself for master, in term 2: it commits nothing',
    ]);
  });
});

it('a group is one object for programs, with null for what nobody tells', () => {
  expect(groupDocument(group(undefined, replica(0, 'master', { ...NO_ANSWER, away: true })))).toMatchObject({
    group: 'a',
    master: null,
    minInSync: null,
    inSync: null,
    replicas: [{ replica: 0, role: 'master', state: 'away', error: 'TIMEOUT', inSync: null, term: null, following: null }],
    problems: [{ text: expect.stringContaining('has no master') }, {}],
  });
});

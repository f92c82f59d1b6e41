import { describe, expect, it } from 'vitest';
import { clients } from '../../src/families/clients/index.ts';
import { TcpGround } from '../../src/ground/tcp-ground.ts';
import type { HistoryEvent } from '../../src/history/event.ts';
import { bytesOf } from '../../src/json.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { judgeRun, runProgram } from '../../src/run/run-program.ts';

const SLACK_MS = 400;
const PREFACE = 'ab514e5401000000';
const HELLO = '0000000c000100000000000100000000';
/** Of a NameServer that takes the usual frames, and says no more of itself. */
const HELLO_OK = '00000011000101000000000100000005' + '4080808402';
const PING = '0000000c000300000000000300000000';

/** Clauses for the beginnings of streams, and those for their ends. */
const BEGINNINGS = ['QNT-INV-001', 'QNT-INV-004', 'QNT-INV-005', 'QNT-TCP-001', 'QNT-TCP-002'];
const ENDS = ['QNT-TCP-004', 'QNT-TCP-006'];

type Happening =
  | readonly [atMs: number, from: 'kit' | 'subject', hex: string]
  | readonly [atMs: number, by: 'kit' | 'subject', what: 'closed' | 'reset']
  | readonly [atMs: number, by: 'kit', what: 'ended' | 'asked to close'];

/** The history of a producer with one connection to a NameServer, after its preface and ours. */
function stream(subjects: string, kits: string, endMs: number, ...happenings: readonly Happening[]): HistoryEvent[] {
  const bytes = (from: 'kit' | 'subject', hex: string): HistoryEvent => ({
    kind: 'bytes',
    atMs: 10,
    connection: 1,
    from,
    bytes: bytesOf(hex),
  });
  const events = happenings.map(([atMs, who, what]): HistoryEvent => {
    if (what === 'closed' || what === 'reset') return { kind: 'closed', atMs, connection: 1, by: who, clean: what === 'closed' };
    if (what === 'ended') return { kind: 'note', atMs, note: 'ended', args: { connection: 1 } };
    if (what === 'asked to close') return { kind: 'call', atMs, id: 2, op: 'close', args: { client: 'p' } };
    return { kind: 'frame', atMs, connection: 1, from: who, bytes: bytesOf(what) };
  });
  return [
    { kind: 'call', atMs: 0, id: 1, op: 'producer.start', args: { client: 'p' } },
    { kind: 'result', atMs: 5, id: 1, op: 'producer.start', ok: null },
    { kind: 'opened', atMs: 10, connection: 1, by: 'subject', node: 'ns-1', binding: 'tcp' },
    bytes('subject', subjects),
    bytes('kit', kits),
    ...events,
    { kind: 'step', atMs: endMs, step: 9, op: 'end' },
    { kind: 'node', atMs: endMs, what: 'ended', node: '*' },
  ];
}

/** How often clauses passed and failed, as `id +passes -failures`; those that said nothing are left out. */
const judged = (events: readonly HistoryEvent[], ids: readonly string[]): string[] =>
  judgeRun(
    { events, slackMs: SLACK_MS },
    clients.clauses.filter(({ id, binding }) => binding === 'tcp' && ids.includes(id)),
  ).flatMap(({ id, passes, failures }) => (passes + failures.length === 0 ? [] : [`${id} +${passes} -${failures.length}`]));

const GREETED: readonly Happening[] = [
  [11, 'subject', HELLO],
  [12, 'kit', HELLO_OK],
];

describe('how byte streams of clients begin', () => {
  const good = ['QNT-INV-001 +1 -0', 'QNT-TCP-001 +1 -0'];
  const cases: readonly (readonly [what: string, events: HistoryEvent[], says: readonly string[]])[] = [
    ['a preface comes first', stream(PREFACE, PREFACE, 100, ...GREETED), good],
    ['HELLO comes first', stream(HELLO.slice(0, 16), '', 100), ['QNT-INV-001 +0 -1', 'QNT-TCP-001 +0 -1']],
    [
      'the preface is of another major version',
      stream('ab514e5402000000', PREFACE, 100),
      ['QNT-INV-001 +1 -0', 'QNT-TCP-001 +0 -1'],
    ],
    [
      'reserved bytes are ignored',
      stream(PREFACE, 'ab514e5401ffa501', 3_000, ...GREETED, [13, 'subject', PING]),
      [...good, 'QNT-INV-004 +1 -0'],
    ],
    [
      'reserved bytes end the connection',
      stream(PREFACE, 'ab514e5401ffa501', 3_000, [11, 'subject', HELLO], [12, 'subject', 'closed']),
      [...good, 'QNT-INV-004 +0 -1'],
    ],
    [
      'another major version is left',
      stream(PREFACE, 'ab514e5402000000', 3_000, [12, 'subject', 'closed']),
      [...good, 'QNT-INV-005 +1 -0'],
    ],
    [
      'another major version is left with HELLO on its way',
      stream(PREFACE, 'ab514e5402000000', 3_000, [11, 'subject', HELLO], [12, 'subject', 'reset']),
      [...good, 'QNT-INV-005 +1 -0'],
    ],
    ['another major version is waited for', stream(PREFACE, 'ab514e5402000000', 3_000), [...good, 'QNT-INV-005 +0 -1']],
    [
      'another major version is spoken with',
      stream(PREFACE, 'ab514e5402000000', 3_000, ...GREETED, [700, 'subject', PING]),
      [...good, 'QNT-INV-005 +0 -1'],
    ],
    ['a wrong byte is seen at once', stream(PREFACE, '16', 9_000, [15, 'subject', 'closed']), [...good, 'QNT-TCP-002 +1 -0']],
    [
      'a wrong byte is seen with the rest',
      stream(PREFACE, '16', 9_000, [5_010, 'subject', 'closed']),
      [...good, 'QNT-TCP-002 +0 -1'],
    ],
    ['the program ends before it is seen', stream(PREFACE, '16', 300), good],
  ];
  it.each(cases)('%s', (_, events, says) => {
    expect(judged(events, BEGINNINGS).toSorted()).toEqual(says.toSorted());
  });
});

describe('how byte streams of clients end', () => {
  const cases: readonly (readonly [what: string, events: HistoryEvent[], says: readonly string[]])[] = [
    [
      "the end of a server's stream is answered",
      stream(PREFACE, PREFACE, 9_000, ...GREETED, [100, 'kit', 'ended'], [120, 'subject', 'closed']),
      ['QNT-TCP-004 +1 -0'],
    ],
    [
      "the end of a server's stream is overlooked",
      stream(PREFACE, PREFACE, 9_000, ...GREETED, [100, 'kit', 'ended']),
      ['QNT-TCP-004 +0 -1'],
    ],
    ['the program ends before', stream(PREFACE, PREFACE, 900, ...GREETED, [100, 'kit', 'ended']), []],
    [
      'a planned end is clean',
      stream(PREFACE, PREFACE, 900, ...GREETED, [100, 'kit', 'asked to close'], [120, 'subject', 'closed']),
      ['QNT-TCP-006 +1 -0'],
    ],
    [
      'a planned end is a reset',
      stream(PREFACE, PREFACE, 900, ...GREETED, [100, 'kit', 'asked to close'], [120, 'subject', 'reset']),
      ['QNT-TCP-006 +0 -1'],
    ],
    ['another reset is no planned end', stream(PREFACE, PREFACE, 900, ...GREETED, [120, 'subject', 'reset']), []],
  ];
  it.each(cases)('%s', (_, events, says) => {
    expect(judged(events, ENDS)).toEqual(says);
  });
});

describe('a client of this repository over TCP', () => {
  const role = 'producer';
  const site = inProcessSite({ role, ground: () => new TcpGround() });

  it('keeps every clause about byte streams, with evidence for each', { timeout: 60_000 }, async () => {
    const clauses = clients.clauses.filter(({ binding }) => binding === 'tcp');
    const programs = clients.programs.filter((program) => program.binding === 'tcp' && program.role === role);
    const runs = await Promise.all(programs.map((program) => runProgram(site, program, [clients])));
    expect(runs.flatMap(({ harness }) => harness ?? [])).toEqual([]);
    const judgements = runs.flatMap((run) => judgeRun(run, clauses));
    expect(judgements.flatMap(({ id, failures }) => failures.map(({ sentence }) => `${id}: ${sentence}`))).toEqual([]);
    const silent = clauses.filter(({ id }) => judgements.every((one) => one.id !== id || one.passes === 0));
    expect(silent.map(({ id }) => id)).toEqual([]);
  });
});

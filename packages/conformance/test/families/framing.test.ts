import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/driver/driver.ts';
import { framing } from '../../src/families/framing/index.ts';
import type { HistoryEvent } from '../../src/history/event.ts';
import type { Program } from '../../src/play/program.ts';
import { drawPrograms } from '../../src/run/draw-programs.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { judgeRun, runProgram } from '../../src/run/run-program.ts';
import { checkFamily } from './family-check.ts';
import { answers, closes, ended, HELLO, HELLO_OK, PREFACE, sends, stream } from './streams.ts';

checkFamily(framing);

const DRAWN = 40;

it.each(['nameserver', 'broker'] as const)('a %s keeps every clause in whatever is drawn', async (role) => {
  const clauses = framing.clauses.filter(({ roles }) => roles.includes(role));
  const wrong: string[] = [];
  for (const program of drawPrograms(framing, role, DRAWN, 17)) {
    const run = await runProgram(inProcessSite({ role }), program, [framing]);
    for (const { id, failures, broken } of judgeRun(run, clauses))
      wrong.push(
        ...failures.map(({ sentence }) => `${id}: ${sentence}`),
        ...(broken === undefined ? [] : [`${id} breaks: ${broken}`]),
      );
  }
  expect(wrong).toEqual([]);
});

const SLACK_MS = 400;

/** How often clauses passed and failed, as `id +passes -failures`; those that said nothing are left out. */
const judged = (events: readonly HistoryEvent[], ids: readonly string[], role: Role = 'broker'): string[] =>
  judgeRun(
    { events, slackMs: SLACK_MS },
    framing.clauses.filter((clause) => clause.roles.includes(role) && ids.includes(clause.id)),
  ).flatMap(({ id, passes, failures }) => (passes + failures.length === 0 ? [] : [`${id} +${passes} -${failures.length}`]));

async function historyOf(program: string, role: 'nameserver' | 'broker'): Promise<readonly HistoryEvent[]> {
  const found = framing.programs.find((one) => one.name === program && one.role === role) as Program;
  return (await runProgram(inProcessSite({ role }), found, [framing])).events;
}

describe('what no mutant of the engines shows', () => {
  it('sees that pieces are not joined', async () => {
    const events = await historyOf('pieces', 'broker');
    expect(judged(events, ['QNT-FRM-001'])[0]).toMatch(/\+[1-9]\d* -0$/);
    const pieces = events.findIndex(({ kind }) => kind === 'bytes');
    const atMs = (events[pieces]?.atMs ?? 0) + 10_000;
    const silent: HistoryEvent[] = [...events.slice(0, pieces + 16), { kind: 'step', atMs, step: 3, op: 'end' }];
    expect(judged(silent, ['QNT-FRM-001'])).toEqual(['QNT-FRM-001 +0 -1']);
  });

  it('sees bytes that are no UTF-8', async () => {
    const events = await historyOf('empty-hello', 'broker');
    const name = Buffer.from('qanat');
    const wrong = events.map((event) => {
      if (event.kind !== 'frame' || event.from !== 'subject') return event;
      const bytes = Buffer.from(event.bytes);
      const at = bytes.indexOf(name);
      if (at >= 0) bytes[at] = 0xff;
      return { ...event, bytes: new Uint8Array(bytes) };
    });
    expect(judged(events, ['QNT-TYP-009'])).toEqual(['QNT-TYP-009 +1 -0']);
    expect(judged(wrong, ['QNT-TYP-009'])).toEqual(['QNT-TYP-009 +0 -1']);
  });

  it('sees control headers that no receiver takes', async () => {
    const events = await historyOf('empty-hello', 'broker');
    const wrong = events.map((event) => {
      if (event.kind !== 'frame' || event.from !== 'subject' || event.bytes.length === 16) return event;
      // A number whose last byte says that another one follows.
      return { ...event, bytes: Uint8Array.of(...event.bytes.subarray(0, -1), 0xff) };
    });
    expect(judged(events, ['QNT-TYP-012'])).toEqual(['QNT-TYP-012 +1 -0']);
    expect(judged(wrong, ['QNT-TYP-012'])).toEqual(['QNT-TYP-012 +0 -1']);
  });
});

const TCP = [
  'QNT-INV-001',
  'QNT-INV-002',
  'QNT-INV-003',
  'QNT-INV-004',
  'QNT-TCP-001',
  'QNT-TCP-002',
  'QNT-TCP-003',
  'QNT-TCP-004',
  'QNT-TCP-006',
];

describe('streams of bytes', () => {
  const cases: readonly (readonly [what: string, events: HistoryEvent[], says: readonly string[]])[] = [
    ['a stranger is closed', stream(100, sends(1, '16030100aa010000'), closes(2)), ['QNT-INV-001 +1 -0']],
    [
      'a stranger is answered',
      stream(100, sends(1, '16030100aa010000'), answers(2, PREFACE), closes(3)),
      ['QNT-INV-001 +0 -1', 'QNT-TCP-001 +1 -0'],
    ],
    ['a stranger is kept', stream(9_900, sends(1, '16030100aa010000')), ['QNT-INV-001 +0 -1']],
    ['a wrong byte is seen at once', stream(100, sends(1, 'ab52'), closes(2)), ['QNT-TCP-002 +1 -0']],
    ['a wrong byte is seen late', stream(6_000, sends(1, 'ab52'), closes(5_000)), ['QNT-TCP-002 +0 -1']],
    ['a wrong byte is not seen', stream(9_900, sends(1, '16')), ['QNT-TCP-002 +0 -1']],
    ['a wrong mark is not seen', stream(9_900, sends(1, 'ab514e00')), ['QNT-INV-001 +0 -1', 'QNT-TCP-002 +0 -1']],
    [
      'another text is sent than a preface',
      stream(9_000, answers(2, '4854'), closes(5_003)),
      ['QNT-TCP-001 +0 -1', 'QNT-TCP-003 +1 -0'],
    ],
    ['a preface is answered', stream(100, sends(1, PREFACE), answers(2, PREFACE)), ['QNT-INV-002 +1 -0', 'QNT-TCP-001 +1 -0']],
    [
      'a preface is answered with another major version',
      stream(100, sends(1, PREFACE), answers(2, 'ab514e5402000000')),
      ['QNT-INV-002 +0 -1', 'QNT-TCP-001 +1 -0'],
    ],
    [
      'a preface is answered with frames',
      stream(100, sends(1, PREFACE), answers(2, '0000000c00010100')),
      ['QNT-INV-002 +0 -1', 'QNT-TCP-001 +0 -1'],
    ],
    [
      'another major version is told ours',
      stream(100, sends(1, 'ab514e54ee000000'), answers(2, PREFACE), closes(3)),
      ['QNT-INV-003 +1 -0', 'QNT-TCP-001 +1 -0'],
    ],
    ['another major version is told nothing', stream(100, sends(1, 'ab514e54ee000000'), closes(3)), ['QNT-INV-003 +0 -1']],
    [
      'another major version is spoken with',
      stream(9_900, sends(1, 'ab514e54ee000000'), answers(2, PREFACE)),
      ['QNT-INV-003 +0 -1', 'QNT-TCP-001 +1 -0'],
    ],
    [
      'reserved bytes are ignored',
      stream(
        100,
        sends(1, 'ab514e5401ffa501'),
        answers(2, PREFACE),
        [3, 'kit', 'frame', HELLO],
        [4, 'subject', 'frame', HELLO_OK],
      ),
      ['QNT-INV-002 +1 -0', 'QNT-INV-004 +1 -0', 'QNT-TCP-001 +1 -0'],
    ],
    [
      'reserved bytes end the connection',
      stream(100, sends(1, 'ab514e5401ffa501'), [2, 'kit', 'frame', HELLO], closes(3)),
      ['QNT-INV-004 +0 -1'],
    ],
    ['silence ends in time', stream(9_000, closes(5_003)), ['QNT-TCP-003 +1 -0']],
    ['silence ends late', stream(9_000, closes(8_003)), ['QNT-TCP-003 +0 -1']],
    ['silence does not end', stream(9_000), ['QNT-TCP-003 +0 -1']],
    [
      'a preface begins the time anew',
      stream(9_500, sends(3_000, PREFACE), answers(3_001, PREFACE), closes(8_001)),
      ['QNT-INV-002 +1 -0', 'QNT-TCP-001 +1 -0', 'QNT-TCP-003 +0 -1'],
    ],
    ['an end is taken for the end', stream(3_000, ended(5), [6, 'kit', 'closed']), ['QNT-TCP-004 +1 -0']],
    ['an end is passed over', stream(3_000, ended(5)), ['QNT-TCP-004 +0 -1']],
    [
      'a connection ends by a reset',
      stream(
        3_000,
        sends(1, PREFACE),
        answers(2, PREFACE),
        [3, 'kit', 'frame', HELLO],
        [4, 'subject', 'frame', HELLO_OK],
        [5, 'kit', 'frame', '0000000c000300000000000200000000'],
        [6, 'subject', 'closed', 'reset'],
      ),
      ['QNT-INV-002 +1 -0', 'QNT-TCP-001 +1 -0', 'QNT-TCP-006 +0 -1'],
    ],
  ];

  it.each(cases)('%s', (_, events, says) => {
    expect(judged(events, TCP)).toEqual(says);
  });
});

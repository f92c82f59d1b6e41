import { Routes } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import type { Clause } from '../../src/clause/clause.ts';
import type { Role } from '../../src/driver/driver.ts';
import { clients } from '../../src/families/clients/index.ts';
import { frameHex, numberField, textField, typeOf } from '../../src/families/framing/hex.ts';
import { framing } from '../../src/families/framing/index.ts';
import { clausesOf, FAMILIES } from '../../src/families/index.ts';
import { naming } from '../../src/families/naming/index.ts';
import type { HistoryEvent } from '../../src/history/event.ts';
import { type FrameSeen, View } from '../../src/history/view.ts';
import { bytesOf } from '../../src/json.ts';
import type { Program, Step } from '../../src/play/program.ts';
import { rawFrame } from '../../src/play/raw-frame.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { judgeRun, runProgram } from '../../src/run/run-program.ts';
import { answers, asks, breaks, closes, GREETED, HELLO_OK, PREFACE, replies, sends, stream } from './streams.ts';

const SLACK_MS = 400;

/** What goes red, as `id: sentence`. */
const reds = (events: readonly HistoryEvent[], clauses: readonly Clause[]): string[] =>
  judgeRun({ events, slackMs: SLACK_MS }, clauses).flatMap(({ id, failures }) =>
    failures.map(({ sentence }) => `${id}: ${sentence}`),
  );

const ofFraming = framing.clauses.filter(({ roles }) => roles.includes('nameserver'));

const played = async (role: Role, program: Program): Promise<readonly HistoryEvent[]> =>
  (await runProgram(inProcessSite({ role }), program, FAMILIES)).events;

/** Other bytes instead of some frames; a frame of which nothing is left is taken out. */
function withFrames(events: readonly HistoryEvent[], change: (frame: FrameSeen) => Uint8Array | undefined): HistoryEvent[] {
  const frames = new Map(new View(events, SLACK_MS).frames.map((frame) => [frame.index, frame]));
  return events.flatMap((event, index) => {
    const frame = frames.get(index);
    if (frame === undefined || event.kind !== 'frame') return [event];
    const bytes = change(frame);
    return bytes === undefined ? [] : [{ ...event, bytes }];
  });
}

const withControl = ({ type, flags, correlation, payload }: FrameSeen, control: Uint8Array): Uint8Array =>
  rawFrame({ type, flags, correlation, payload, control });

describe('control headers that nobody can decode', () => {
  const PROGRAMS: readonly (readonly [role: Role, name: string])[] = [
    ['nameserver', 'errors-keep-the-connection'],
    ['nameserver', 'refused-registration'],
    ['broker', 'refused-has-no-effect'],
    ['broker', 'limits-of-requests'],
    ['broker', 'commits-without-leases'],
    ['broker', 'commits-under-leases'],
    ['broker', 'groups'],
    ['broker', 'sorted-members'],
    ['broker', 'who-is-not-known'],
    ['broker', 'subscriptions-differ'],
  ];
  const CUT = Uint8Array.of(0x0a);
  const kindOf = ({ from, type, isResponse }: FrameSeen): string => `${from} ${type} ${isResponse}`;

  it.each(PROGRAMS)('break no clause of a %s in %s', async (role, name) => {
    const program = FAMILIES.flatMap(({ programs }) => programs).find((one) => one.role === role && one.name === name);
    const events = await played(role, program as Program);
    const kinds = new Set(new View(events, SLACK_MS).frames.map(kindOf));
    for (const kind of kinds) {
      const cut = withFrames(events, (frame) => (kindOf(frame) === kind ? withControl(frame, CUT) : frame.bytes));
      const broken = judgeRun({ events: cut, slackMs: SLACK_MS }, clausesOf(role)).flatMap((one) => one.broken ?? []);
      expect(broken, `without the control headers of ${kind}`).toEqual([]);
    }
  });
});

const PING = (correlation: number, flags = 0): string => frameHex({ type: typeOf('PING'), correlation, flags });
const PONG = (correlation: number): string => frameHex({ type: typeOf('PING'), correlation, flags: 1 });
const LATE = 20_000;
const long = (bytes: number): string =>
  frameHex({ type: typeOf('ROUTE_QUERY'), flags: 1, correlation: 3, control: '00'.repeat(bytes) });
const hello = (control: string): string => frameHex({ type: typeOf('HELLO'), correlation: 1, control });
const TOO_LONG =
  'QNT-TYP-012: a control header has at most 65536 bytes (CONTROL_HEADER_BYTES_MAX), a receiver takes no longer one; got 65537';
const EVEN = PING(4, 0xe0);

describe('one break', () => {
  const cases: readonly (readonly [what: string, events: HistoryEvent[], says: readonly string[]])[] = [
    ['a control header above its limit', stream(100, ...GREETED, breaks(5, long(65_537))), [TOO_LONG]],
    [
      'lengths that contradict each other',
      stream(100, ...GREETED, breaks(5, '0000000c00030100000000030000000d')),
      [
        'QNT-INV-006: the length field says how many bytes follow it; got bytes that are no frames: no frame',
        'QNT-INV-010: every frame bears its length field; got bytes that are no frames: no frame',
      ],
    ],
    [
      'a length above every limit',
      stream(100, ...GREETED, breaks(5, '7fffffff000301000000000300000000')),
      ['QNT-FRM-006: no frame is longer than 4259840 bytes (FRAME_BYTES_MAX); got one that says 2147483647'],
    ],
    [
      'frames instead of a preface',
      stream(5_200, answers(5_000, '0000000f00040200'), breaks(5_001, '000000000000000308ed07'), closes(5_002)),
      ['QNT-TCP-001: the first bytes of a server are its preface, ab514e5401000000; got 0000000f00040200'],
    ],
    [
      'nothing that could be read behind what is no frame',
      stream(LATE, ...GREETED, asks(5, PING(3)), breaks(6, long(65_537)), asks(7, PING(5))),
      [TOO_LONG],
    ],
    [
      'an even number that is answered',
      stream(LATE, ...GREETED, asks(5, EVEN), replies(6, PONG(4)), asks(7, PING(5)), replies(8, PONG(5))),
      [
        'QNT-FRM-019: a request of PING with the even correlation number 4 has to end the connection with MALFORMED_FRAME; got an answer to what came behind it',
      ],
    ],
    [
      'an answer of more than 1024 bytes where HELLO said 1024, which none may say,',
      stream(
        100,
        sends(1, PREFACE),
        answers(2, PREFACE),
        asks(3, hello(numberField(5, 1_024))),
        replies(4, HELLO_OK),
        asks(5, PING(3)),
        replies(6, frameHex({ type: typeOf('PING'), flags: 1, correlation: 3, control: textField(18_005, 's'.repeat(1_024)) })),
      ),
      [],
    ],
    [
      'a text that is too long and taken',
      stream(LATE, sends(1, PREFACE), answers(2, PREFACE), asks(3, hello(textField(4, 's'.repeat(256)))), replies(4, HELLO_OK)),
      [
        'QNT-TYP-006: a request of HELLO in which Hello.software is longer than 255 bytes has to end the connection with INVALID_ARGUMENT, and to be answered so; got no error',
      ],
    ],
  ];
  it.each(cases)('%s is blamed on one rule', (_, events, says) => {
    expect(reds(events, ofFraming)).toEqual(says);
  });

  it('points at the bytes of a wrong mark', () => {
    const events = stream(LATE, sends(1, '16030100aa010000'));
    const [failure] = judgeRun({ events, slackMs: SLACK_MS }, framing.clauses).flatMap(({ failures }) => failures);
    expect(events[failure?.index ?? 0]).toMatchObject({ kind: 'bytes', from: 'kit' });
  });
});

const nameServerProgram = (...steps: Step[]): Program => ({ family: 'naming', role: 'nameserver', steps });
const clausesOfRoutes = naming.clauses.filter(({ roles }) => roles.includes('nameserver'));

describe('a client', () => {
  it('that sends a control header above its limit has set the length as it should', async () => {
    const isOfClient = (one: Program): boolean => one.role === 'producer' && one.binding === undefined;
    const events = await played('producer', clients.programs.find(isOfClient) as Program);
    const first = new View(events, SLACK_MS).frames.find(({ from }) => from === 'subject');
    const bytes = bytesOf(long(65_537));
    const wrong = withFrames(events, (frame) => (frame.index === first?.index ? bytes : frame.bytes));
    const lengths = ['QNT-INV-006', 'QNT-INV-010', 'QNT-TYP-012'];
    const ofLengths = clients.clauses.filter(({ id, roles }) => roles.includes('producer') && lengths.includes(id));
    expect(reds(events, ofLengths)).toEqual([]);
    expect(reds(wrong, ofLengths)).toEqual([TOO_LONG]);
  });
});

describe('a NameServer', () => {
  it('that sends no ROUTE_UPDATE has not ended a watch', async () => {
    const program = naming.programs.find(({ name }) => name === 'cluster-and-creation-are-told') as Program;
    const events = await played('nameserver', program);
    const silent = withFrames(events, (frame) => (frame.name === 'ROUTE_UPDATE' ? undefined : frame.bytes));
    const ids = reds(silent, clausesOfRoutes).map((red) => red.slice(0, 11));
    expect([...new Set(ids)]).toEqual(['QNT-RTE-008']);
  });

  it('that answers twice for a topic that is named twice is told that routes add up', async () => {
    const events = await played(
      'nameserver',
      nameServerProgram(
        { op: 'open' },
        { op: 'register', topics: [['~t1', 4]] },
        { op: 'query', topics: ['~t1', '~t1'] },
        { op: 'query', topics: ['~t1'] },
      ),
    );
    expect(reds(events, clausesOfRoutes)).toEqual([]);
    const twice = withFrames(events, (frame) => {
      if (frame.name !== 'ROUTE_QUERY' || !frame.isResponse) return frame.bytes;
      const { routes, brokers } = frame.header;
      return withControl(frame, Routes.encode({ routes: [...routes, ...routes], brokers }));
    });
    const said = reds(twice, clausesOfRoutes);
    expect(said[0]).toMatch(
      /^QNT-RTE-001: .* names 8 queues of \S+ in 2 routes that add up; the query names the topic 2 times, which asks for it once$/,
    );
    expect(said[1]).toMatch(/^QNT-RTE-001: .* names 8 queues of \S+ in 2 routes that add up$/);
  });
});

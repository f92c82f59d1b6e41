import { FRAMES } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { Exchange, FrameSeen, Header, View } from '../../history/view.ts';
import { allFields, isUtf8, messageOf, readMessage, verdictOnFrame, type WireField, type WireMessage } from './control-header.ts';
import { type Judged, judgedOf, lineOf, SERVERS, tell } from './outcome.ts';
import type { Prospect } from './outlook.ts';
import { judgeLongControls } from './unreadable.ts';

const INTEGER_MAX = 2 ** 53 - 1;

/** What a request with nothing wrong about it is never answered with. */
const REFUSALS: ReadonlySet<string | undefined> = new Set(['MALFORMED_FRAME', 'INVALID_ARGUMENT']);

const requestOf = ({ name, sent }: Prospect): WireMessage =>
  name === undefined ? { fields: [], form: 'doubtful' } : readMessage(FRAMES[name].request, sent.control);

/** Requests of which no value can be wrong, once their control header is decoded. */
function isHarmless({ name, sent }: Prospect): boolean {
  if (name === 'PING' || name === 'TOPIC_LIST' || name === 'GROUP_LIST') return true;
  const message = name === 'HELLO' || name === 'ROUTE_QUERY' ? readMessage(FRAMES[name].request, sent.control) : undefined;
  const has = (field: string): boolean => message?.fields.some((one) => one.field?.name === field) ?? true;
  if (name === 'HELLO') return !has('required_features') && !has('frame_bytes_max');
  return name === 'ROUTE_QUERY' && !has('all');
}

/** A clause for requests that have to be answered, where a refusal of harmless ones breaks the rule. */
const understood = (id: string, has: (prospect: Prospect) => boolean, expected: string): Clause => ({
  id,
  roles: SERVERS,
  check(view, judge) {
    for (const { prospect, outcome, outlook } of judgedOf(view)) {
      if (prospect.expect !== 'answered' || !has(prospect)) continue;
      const answer = outlook.answers.get(prospect.sent);
      if (answer === undefined || prospect.good === true) tell(judge, outcome);
      else if (!REFUSALS.has(answer.code)) judge.pass(answer);
      else if (isHarmless(prospect)) judge.fail(answer, `${expected}; ${prospect.name} got ${answer.code}`, 'code');
    }
  },
});

const hasUnknownField = (prospect: Prospect): boolean =>
  [...allFields(requestOf(prospect))].some(({ field }) => field === undefined);

/** An integer of 64 bits that is too large for a sender, refused by a receiver. */
const integers: Clause = {
  id: 'QNT-TYP-001',
  roles: SERVERS,
  check(view, judge) {
    lineOf('QNT-TYP-001').check(view, judge);
    for (const { frame, message } of saidBy(view))
      for (const { field, value } of allFields(message))
        if (field?.kind === 'uint64' && value > INTEGER_MAX)
          judge.fail(frame, `no integer is above 2^53-1; got ${value} in ${field.name}`, field.name);
  },
};

/** What a side said: its frames with their control headers taken apart. */
export type Said = (view: View) => readonly { readonly frame: FrameSeen; readonly message: WireMessage }[];

export const takenApart = (frames: readonly FrameSeen[]): ReturnType<Said> =>
  frames.flatMap((frame) => {
    const message = messageOf(frame);
    return message === undefined ? [] : [{ frame, message }];
  });

const saidBy: Said = (view) =>
  takenApart(view.frames.filter(({ from, connection }) => from === 'subject' && connection.openedBy === 'kit'));

/** Every text that a side sends is UTF-8. */
export const textsOf = (roles: Clause['roles'], said: Said): Clause => ({
  id: 'QNT-TYP-009',
  roles,
  check(view, judge) {
    for (const { frame, message } of said(view)) {
      const given = [...allFields(message)].filter(({ field }) => field?.kind === 'string');
      const wrong = given.find(({ content }) => !isUtf8(content));
      if (wrong !== undefined) judge.fail(frame, `texts are UTF-8; got other bytes in ${wrong.field?.name}`, wrong.field?.name);
      else if (given.length > 0) judge.pass(frame);
    }
  },
});

const texts = textsOf(SERVERS, saidBy);

/** Every control header of a side is one that a receiver takes. */
export const headersOf = (roles: Clause['roles'], said: Said): Clause => ({
  id: 'QNT-TYP-012',
  roles,
  check(view, judge) {
    for (const { frame } of said(view)) {
      const verdict = verdictOnFrame(frame);
      const what = `${frame.name}${frame.isError ? ' error' : frame.isResponse ? ' answer' : ''}`;
      if (verdict.kind === 'malformed') judge.fail(frame, `expected a control header of ${what}, got no well-formed message`);
      else if (verdict.kind === 'breaks')
        judge.fail(frame, `expected a control header of ${what} that keeps ${verdict.rule}, got one that ${verdict.why}`);
      else if (verdict.kind === 'fine' && frame.control.length > 0) judge.pass(frame);
    }
  },
});

/** A broker talks to NameServers too. */
const decoded = headersOf(SERVERS, (view) => takenApart(view.frames.filter(({ from }) => from === 'subject')));

const headers: Clause = {
  ...decoded,
  check(view, judge) {
    decoded.check(view, judge);
    judgeLongControls(view, judge);
  },
};

const isDefault = ({ wireType, value, content, field }: WireField): boolean =>
  field !== undefined && !field.repeated && field.kind !== 'message' && (wireType === 0 ? value === 0 : content.length === 0);

/** What is not in the one order of a message; undefined where nothing is. */
export function disorderIn({ fields }: WireMessage): string | undefined {
  for (const [i, field] of fields.entries()) {
    const before = fields[i - 1];
    const name = field.field?.name ?? `field ${field.number}`;
    if (before !== undefined && before.number > field.number) return `${name} behind field ${before.number}`;
    const isList = field.field?.repeated === true && (field.field.kind === 'message' || field.field.kind === 'string');
    if (before?.number === field.number && field.field !== undefined && !isList) return `${name} twice`;
    if (isDefault(field)) return `${name} with its default`;
    const inside = field.inner === undefined ? undefined : disorderIn(field.inner);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

const oneOrder: Clause = {
  id: 'QNT-TYP-010',
  roles: SERVERS,
  check(view, judge) {
    for (const { frame, message } of saidBy(view)) {
      if (message.fields.length < 2) continue;
      const disorder = disorderIn(message);
      judgeThat(
        judge,
        frame,
        disorder === undefined,
        () => `fields stand in the order of their numbers, once, without defaults; got ${disorder}`,
        'control',
      );
    }
  },
};

/** Whether a scalar field comes twice, with different values. */
const twice = ({ fields }: WireMessage, number: number): readonly WireField[] =>
  fields.filter((one) => one.number === number && one.field !== undefined && !one.field.repeated);

const IDLE_MS_FIELD = 6;

/** HELLO with two values of `idle_ms`: the answer shows which was taken. */
function judgeIdleMs({ prospect, outlook }: Judged): { at: FrameSeen; got: number; first: number; last: number } | undefined {
  const values = twice(requestOf(prospect), IDLE_MS_FIELD).map(({ value }) => value);
  const [first] = values;
  const last = values.at(-1);
  const at = outlook.answers.get(prospect.sent);
  if (at?.header === undefined || at.isError || first === undefined || last === undefined || first >= last || first === 0)
    return undefined;
  return { at, got: at.header.idleMs, first, last };
}

const lastValue: Clause = {
  id: 'QNT-TYP-011',
  roles: SERVERS,
  check(view, judge) {
    for (const judged of judgedOf(view)) {
      if (judged.prospect.name === 'HELLO') {
        const idle = judgeIdleMs(judged);
        if (idle === undefined) continue;
        // A server whose own time is below both says nothing.
        if (idle.got === idle.first)
          judge.fail(
            idle.at,
            `the last idle_ms, ${idle.last}, has to be taken; got an answer to the first, ${idle.first}`,
            'idle_ms',
          );
        else if (idle.got > idle.first) judge.pass(idle.at);
      }
    }
  },
};

const isEmpty = ({ sent, name }: Prospect): boolean =>
  sent.control.length === 0 && name !== undefined && EMPTY_IS_WHOLE.has(name);

const EMPTY_IS_WHOLE: ReadonlySet<string> = new Set([
  'HELLO',
  'PING',
  'TOPIC_LIST',
  'GROUP_LIST',
  'ROUTE_QUERY',
  'INIT_PRODUCER',
]);

/** A queue that is not named is queue 0: answers about offsets say which one they mean. */
function absentQueues({ name, header, answer }: Exchange): readonly { readonly asked: number; readonly got: number }[] {
  if ((name !== 'OFFSET_LOOKUP' && name !== 'OFFSET_FETCH') || header === undefined || answer === undefined) return [];
  return header.queues.flatMap((asked: Header, i: number) =>
    asked.queue === 0 && answer.offsets[i] !== undefined ? [{ asked: 0, got: answer.offsets[i].queue }] : [],
  );
}

const defaults: Clause = {
  id: 'QNT-TYP-003',
  roles: SERVERS,
  check(view, judge) {
    understood('QNT-TYP-003', isEmpty, 'absent fields have their defaults').check(view, judge);
    for (const exchange of view.exchanges)
      for (const { asked, got } of absentQueues(exchange))
        if (exchange.response !== undefined && got !== asked)
          judge.fail(exchange.response, `an absent queue is queue 0; got ${got}`, 'queue');
  },
};

export const TYPE_CLAUSES: readonly Clause[] = [
  integers,
  understood('QNT-TYP-002', hasUnknownField, 'unknown fields are skipped'),
  defaults,
  lineOf('QNT-TYP-004'),
  // No request that a NameServer serves has an enumeration.
  lineOf('QNT-TYP-005', ['broker']),
  lineOf('QNT-TYP-006'),
  lineOf('QNT-TYP-007'),
  texts,
  oneOrder,
  lastValue,
  headers,
];

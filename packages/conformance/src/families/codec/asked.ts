import type { CallError, EventOf } from '../../history/event.ts';
import { once } from '../../history/once.ts';
import type { View } from '../../history/view.ts';
import { isObject, type JsonObject } from '../../json.ts';
import { flagOf, textOf } from '../../play/program.ts';
import { answerError, bytesError, headerBytesError, meaningError } from './compare.ts';
import { EXPECTED, type Expected, readExpected } from './question.ts';

/** A question of a history with what became of it. */
export interface Asked {
  /** The place of the answer in the history. */
  readonly index: number;
  readonly op: string;
  readonly what: string;
  readonly clauses: readonly string[];
  readonly exact: readonly string[];
  /** An answer has to come, not a failure. */
  readonly succeeds: boolean;
  /** What is wrong with the answer, as a sentence; undefined when it is right. */
  readonly wrong: string | undefined;
  /** What is wrong with the bytes of an answer that means the right thing. */
  readonly inexact: string | undefined;
}

/** The questions of a history that were answered. What a codec says not to know at all is no answer. */
export const askedIn = once(readQuestions);

type Answered = Omit<Asked, 'wrong' | 'inexact'> & {
  readonly of: string;
  readonly args: JsonObject;
  readonly expected: Expected;
  readonly result: EventOf<'result'>;
};

function readQuestions(view: View): readonly Asked[] {
  const answered = view.calls().flatMap(({ call, result }): Answered[] => {
    const note = view.events[call.index - 1];
    if (note?.kind !== 'note' || note.note !== EXPECTED || result === undefined || !isObject(call.args)) return [];
    const { of, expected, clauses, exact = [] } = readExpected(note.args) ?? {};
    if (of === undefined || expected === undefined || clauses === undefined) return [];
    const what = textOf(call.args, 'what');
    const succeeds = !('error' in expected);
    return [{ index: result.index, op: call.op, what, succeeds, clauses, exact, of, args: call.args, expected, result }];
  });
  // A codec that has an operation cannot leave out what is difficult.
  const able = new Set(answered.filter(({ result }) => result.error?.kind !== 'unsupported').map(nameOf));
  return answered.filter((one) => able.has(nameOf(one))).map(judged);
}

const nameOf = ({ op, what }: Pick<Asked, 'op' | 'what'>): string => `${op} ${what}`.trimEnd();

function judged({ of, args, expected, result, ...asked }: Answered): Asked {
  const { op, exact } = asked;
  const error = errorOf(op, args, expected, result);
  const wrong = error === undefined ? undefined : `${of}, ${nameOf(asked)}: ${error}`;
  const given = isObject(result.ok ?? null) ? textOf(result.ok as JsonObject, 'hex') : '';
  const other = exact.length > 0 && wrong === undefined && 'hex' in expected ? headerBytesError(expected.hex, given) : undefined;
  return { ...asked, wrong, inexact: other === undefined ? undefined : `${of}, ${nameOf(asked)}: ${other}` };
}

function errorOf(op: string, args: JsonObject, expected: Expected, { ok = null, error }: EventOf<'result'>): string | undefined {
  if ('error' in expected) return failureError(expected.error, ok, error);
  if (error !== undefined) return `it has to succeed, and ${failureText(error)}`;
  if ('answer' in expected) return answerError(op, args, expected.answer, ok);
  if (!isObject(ok) || typeof ok.hex !== 'string')
    return `the answer has to hold the bytes as "hex", and is ${JSON.stringify(ok)}`;
  const isFree = args.what === 'frame' || args.what === 'header' || flagOf(args, 'compress');
  return isFree ? meaningError(args, ok.hex) : bytesError(expected.hex, ok.hex);
}

function failureError(code: string, ok: unknown, error: CallError | undefined): string | undefined {
  if (error === undefined) return `it has to fail with ${code}, and gave ${JSON.stringify(ok).slice(0, 120)}`;
  return error.kind === 'failed' && error.code === code ? undefined : `it has to fail with ${code}, and ${failureText(error)}`;
}

const failureText = ({ kind, code, text }: CallError): string =>
  `failed as ${kind}${code === undefined ? '' : ` with ${code}`}${text === undefined ? '' : ` (${text.slice(0, 80)})`}`;

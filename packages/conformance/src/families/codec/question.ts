import { hexOf, isObject, type Json, type JsonObject } from '../../json.ts';
import type { Play } from '../../play/play.ts';

/** One question to a codec, with what has to come. */
export interface Question {
  /** Where it is from, for people: `headers.json, case 9 (a field marked M is absent)`. */
  readonly of: string;
  readonly op: string;
  readonly args: JsonObject;
  readonly expected: Expected;
  /** The ids that a right answer keeps, and a wrong one breaks. */
  readonly clauses: readonly string[];
  /** Of an encoded frame: the ids that ask for these very bytes, where others ask only for what they mean. */
  readonly exact?: readonly string[];
}

/** What has to come: an answer, the code of a failure, or bytes. */
export type Expected = { readonly answer: JsonObject } | { readonly error: string } | { readonly hex: string };

/** The note that stands before a question in the history. */
export const EXPECTED = 'expected';

/** Notes what has to come, then asks. */
export async function ask(play: Play, { of, op, args, expected, clauses, exact = [] }: Question): Promise<void> {
  play.note(EXPECTED, { of, expected: expected as JsonObject, clauses, exact });
  await play.call(op, args);
}

/** Decoding bytes. */
export const decodeQuestion = (
  of: string,
  args: JsonObject & { readonly what: string },
  expected: Expected,
  clauses: readonly string[],
): Question => ({ of, op: 'decode', args, expected, clauses });

/** Encoding something into just these bytes. */
export const encodeQuestion = (
  of: string,
  args: JsonObject & { readonly what: string },
  bytes: Uint8Array,
  clauses: readonly string[],
): Question => ({ of, op: 'encode', args, expected: { hex: hexOf(bytes) }, clauses });

/** Reads such a note. Undefined for what is none: histories may be of anybody. */
export function readExpected(args: Json): Pick<Question, 'of' | 'expected' | 'clauses' | 'exact'> | undefined {
  if (!isObject(args) || typeof args.of !== 'string' || !isObject(args.expected)) return undefined;
  const { of, expected, clauses, exact } = args;
  if (!Array.isArray(clauses) || !Array.isArray(exact)) return undefined;
  return { of, expected: expected as unknown as Expected, clauses, exact };
}

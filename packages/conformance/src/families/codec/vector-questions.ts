// What is asked for each case of the vectors of the specification.
import { encodePreface } from '@qanat/core';
import { VECTOR_CASES, VECTOR_TEXTS } from '../../clause/gen/vectors.ts';
import { type BatchJson, type PayloadJson, payloadBytes } from '../../codec/batch-json.ts';
import type { FrameJson } from '../../codec/frame-json.ts';
import { filterLine, textLines } from '../../codec/text-lines.ts';
import { bytesOf, hexOf, type Json, type JsonObject } from '../../json.ts';
import { listOf, numberOf, textOf } from '../../play/program.ts';
import { decodeQuestion, type Expected, encodeQuestion, type Question } from './question.ts';

/** What a broker judges of a batch before it stores it; the other clauses of batches are about building and reading them. */
export const CHECKED_BY_BROKERS: ReadonlySet<string> = new Set(['QNT-BAT-006', 'QNT-BAT-007', 'QNT-BAT-019', 'QNT-BAT-020']);

/** A case with its name for people and the ids that it tests. */
interface Case {
  readonly of: string;
  readonly clauses: readonly string[];
  readonly example: JsonObject;
}

type Asks = (one: Case) => readonly Question[];

/** How many cases a file has. */
export const casesIn = (file: string): number => VECTOR_CASES[file]?.cases.length ?? textsIn(file).length;

const textsIn = (file: string): readonly string[] => textLines(VECTOR_TEXTS[file] ?? '');

/** What is asked for a case, counted from 1; nothing for one that there is not. */
export function vectorQuestions(file: string, number: number): readonly Question[] {
  if (Object.hasOwn(VECTOR_TEXTS, file)) return textQuestions(file, number);
  if (!Object.hasOwn(VECTOR_CASES, file)) return [];
  const vectors = VECTOR_CASES[file];
  const example = vectors?.cases[number - 1];
  if (vectors === undefined || example === undefined) return [];
  const why = typeof example.why === 'string' ? ` (${example.why})` : '';
  const clauses = example.clauses === undefined ? vectors.clauses : (listOf(example, 'clauses') as readonly string[]);
  return CASES[file]?.({ of: `${file}.json, case ${number}${why}`, clauses, example }) ?? [];
}

const hexOfCase = (example: JsonObject): string => textOf(example, 'hex') + '00'.repeat(numberOf(example, 'zeros', 0));

/** Where decoding has to fail: the code. */
const failure = ({ error }: JsonObject): Expected | undefined => (typeof error === 'string' ? { error } : undefined);

const preface: Asks = ({ of, clauses, example }) => {
  const hex = textOf(example, 'hex');
  const { major, incomplete } = example;
  const answer = incomplete === true ? { incomplete } : { major: major as number };
  const decode = decodeQuestion(of, { what: 'preface', hex }, failure(example) ?? { answer }, clauses);
  // With other reserved bytes it is one that nobody sends.
  if (typeof major !== 'number' || hexOf(encodePreface(major)) !== hex) return [decode];
  return [decode, encodeQuestion(of, { what: 'preface', major }, bytesOf(hex), clauses)];
};

const frames: Asks = ({ of, clauses, example }) => {
  const hex = hexOfCase(example);
  const fails = failure(example);
  if (fails !== undefined) return [decodeQuestion(of, { what: 'frame', hex }, fails, clauses)];
  const { frame, kind, correlation, more, header, payload } = example as unknown as FrameJson & { payload?: PayloadJson };
  const parts = {
    ...{ frame, kind, header },
    ...(correlation === undefined ? {} : { correlation }),
    ...(more === undefined ? {} : { more }),
    ...(payload === undefined ? {} : { payload: hexOf(payloadBytes(payload)) }),
  };
  return frameQuestions(of, parts as JsonObject, hex, clauses);
};

/** What writes the fields as they should be, though others are read as well. */
const EXACT = 'QNT-TYP-010';

/** Decoding a frame and encoding it again. */
export function frameQuestions(of: string, parts: JsonObject, hex: string, clauses: readonly string[]): readonly Question[] {
  const meant = clauses.filter((id) => id !== EXACT);
  const exact = clauses.filter((id) => id === EXACT);
  return [
    decodeQuestion(of, { what: 'frame', hex }, { answer: parts }, meant),
    { ...encodeQuestion(of, { what: 'frame', ...parts }, bytesOf(hex), meant), exact },
  ];
}

const headers: Asks = ({ of, clauses, example }) => {
  const { message, header } = example as { message: string; header: JsonObject };
  const decode = { what: 'header', message, hex: textOf(example, 'hex') };
  const fails = failure(example);
  if (fails !== undefined) return [decodeQuestion(of, decode, fails, clauses)];
  // The bytes are unusual ones: encoded again they may be others, which mean the same.
  return [
    decodeQuestion(of, decode, { answer: { header } }, clauses),
    encodeQuestion(of, { what: 'header', message, header }, bytesOf(decode.hex), clauses),
  ];
};

const batches: Asks = ({ of, clauses, example }) => {
  const { hex, by, encodes, why, clauses: _, ...batch } = example as JsonObject & { hex: string };
  const ofBrokers = clauses.filter((id) => CHECKED_BY_BROKERS.has(id));
  const others = clauses.filter((id) => !CHECKED_BY_BROKERS.has(id));
  const check = (valid: boolean): Question => ({
    ...{ of, op: 'checkBatch', args: { hex } },
    expected: { answer: { valid } },
    clauses: ofBrokers,
  });
  const fails = failure(example);
  if (by === 'broker') return [check(false)];
  if (fails !== undefined) return [decodeQuestion(of, { what: 'batch', hex }, fails, others), check(true)];
  const questions = batchQuestions(of, batch as unknown as BatchJson, hex, others);
  // What a later version writes is read, and not written.
  return [...(encodes === false ? questions.slice(0, 1) : questions), check(true)];
};

/** Decoding a batch and encoding it again; deflated bytes are those of one deflater. */
export function batchQuestions(of: string, batch: BatchJson, hex: string, clauses: readonly string[]): readonly Question[] {
  const json = batch as unknown as JsonObject;
  return [
    decodeQuestion(of, { what: 'batch', hex }, { answer: json }, clauses),
    encodeQuestion(of, { what: 'batch', ...json }, bytesOf(hex), clauses),
  ];
}

/** A function, asked with some fields of a case, that has to answer with others. */
const asking =
  (op: string, given: readonly string[], told: readonly string[], constant: JsonObject = {}): Asks =>
  ({ of, clauses, example }) => {
    const some = (names: readonly string[]): JsonObject => Object.fromEntries(names.map((name) => [name, example[name] as Json]));
    return [{ of, op, args: { ...constant, ...some(given) }, expected: { answer: some(told) }, clauses }];
  };

const CASES: Readonly<Record<string, Asks>> = {
  preface,
  frames,
  headers,
  batches,
  crc32: asking('crc32', ['hex'], ['crc32']),
  errors: asking('outcome', ['code'], ['retryable', 'outcome']),
  rendezvous: asking('queueOfKey', ['key', 'queues'], ['queue']),
  'allocate-averagely': asking('allocate', ['queues', 'members'], ['shares'], { strategy: 'AVERAGELY' }),
  'allocate-circle': asking('allocate', ['queues', 'members'], ['owners'], { strategy: 'CIRCLE' }),
  'allocate-sticky': asking('allocate', ['owners', 'members', 'held'], ['result'], { strategy: 'STICKY' }),
};

const grammar =
  (op: string, valid: boolean, clause: string) =>
  (of: string, text: string): readonly Question[] => [
    { of, op, args: { text }, expected: { answer: { valid } }, clauses: [clause] },
  ];

const TEXTS: Readonly<Record<string, (of: string, text: string) => readonly Question[]>> = {
  'names-valid': grammar('name', true, 'QNT-NAM-001'),
  'names-invalid': grammar('name', false, 'QNT-NAM-001'),
  'tags-valid': grammar('tag', true, 'QNT-NAM-004'),
  'tags-invalid': grammar('tag', false, 'QNT-NAM-004'),
  'filters-valid': validFilter,
  'filters-invalid': (of, text) => [
    { of, op: 'filter', args: { text }, expected: { error: 'INVALID_ARGUMENT' }, clauses: ['QNT-NAM-007'] },
  ],
};

function validFilter(of: string, line: string): readonly Question[] {
  const { filter, tags } = filterLine(line);
  const passes = (tag: string | undefined, does: boolean): Question => ({
    ...{ of, op: 'passes', args: { filter, ...(tag === undefined ? {} : { tag }) } },
    expected: { answer: { passes: does } },
    clauses: ['QNT-NAM-009'],
  });
  return [
    { of, op: 'filter', args: { text: filter }, expected: { answer: { tags } }, clauses: ['QNT-NAM-007', 'QNT-NAM-008'] },
    ...(tags ?? ['anything']).map((tag) => passes(tag, true)),
    ...(tags === null ? [] : [passes(`${tags[0]}x`, false)]),
    passes(undefined, tags === null),
  ];
}

function textQuestions(file: string, number: number): readonly Question[] {
  const text = textsIn(file)[number - 1];
  return text === undefined ? [] : (TEXTS[file]?.(`${file}.txt, text ${number}`, text) ?? []);
}

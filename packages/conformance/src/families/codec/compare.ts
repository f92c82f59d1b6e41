// Whether what a codec said is what has to come, written otherwise or not.
import { batchFormError, bodyChecksumHolds, decodeFrame } from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { type BatchJson, batchJson, readBatch, saidOf } from '../../codec/batch-json.ts';
import { type FrameJson, readFrame } from '../../codec/frame-json.ts';
import { canonical, codecOf, controlOf, fromCore } from '../../codec/schema-json.ts';
import { bytesOf, hexOf, isObject, type Json, type JsonObject } from '../../json.ts';
import { objectOf, textOf } from '../../play/program.ts';
import { shortened } from '../../report/decode-tree.ts';

const TEXT_CHARACTERS = 120;

const shown = (value: unknown): string => shortened(JSON.stringify(value) ?? 'nothing', TEXT_CHARACTERS);

/** JSON of the same meaning has one form: defaults are spelled out, or nowhere, and bytes are in lower case. */
type Canonical = (json: JsonObject) => unknown;

const frameForm: Canonical = (json) => {
  const { frame, kind, correlation = 0, more = false, header = {}, payload = '' } = json as unknown as FrameJson;
  const bytes = hexOf(bytesOf(payload));
  return { frame, kind, correlation, more, header: canonical(controlOf(frame, kind).message, header), payload: bytes };
};

const batchForm: Canonical = (json) => {
  const { records, ...said } = saidOf(json as unknown as BatchJson);
  const sorted = records.map(({ properties, ...record }) => ({ ...record, properties: sortedByName(properties) }));
  // What is undefined is as good as left out.
  return JSON.parse(JSON.stringify({ ...said, records: sorted }));
};

const sortedByName = (properties: Readonly<Record<string, string>>): readonly (readonly [string, string])[] =>
  Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1));

const headerForm =
  (message: string): Canonical =>
  (json) => ({ header: canonical(message, objectOf(json, 'header')) });

/** A set has no order. */
const filterForm: Canonical = ({ tags = null }) => ({ tags: Array.isArray(tags) ? [...new Set(tags)].sort() : tags });

function formOf(op: string, args: JsonObject): Canonical | undefined {
  if (op === 'filter') return filterForm;
  if (op !== 'decode') return undefined;
  const what = textOf(args, 'what');
  if (what === 'header') return headerForm(textOf(args, 'message'));
  return what === 'frame' ? frameForm : what === 'batch' ? batchForm : undefined;
}

/** What is wrong with an answer; undefined when it is the one that has to come. Fields that nobody asked for do not count. */
export function answerError(op: string, args: JsonObject, expected: JsonObject, given: Json): string | undefined {
  if (!isObject(given)) return `the answer has to be an object, and is ${shown(given)}`;
  const form =
    formOf(op, args) ?? ((json: JsonObject) => Object.fromEntries(Object.keys(expected).map((name) => [name, json[name]])));
  return formsError(expected, given, form);
}

function formsError(expected: JsonObject, given: JsonObject, form: Canonical): string | undefined {
  let said: unknown;
  try {
    said = form(given);
  } catch (error) {
    return `${shown(given)} came, which is none: ${(error as Error).message}; ${shown(expected)} has to come`;
  }
  return difference(form(expected), said, '');
}

/** Where two values part. */
function difference(expected: unknown, given: unknown, path: string): string | undefined {
  if (typeof expected !== 'object' || expected === null || typeof given !== 'object' || given === null)
    return Object.is(expected, given) ? undefined : `${path} has to be ${shown(expected)}, and is ${shown(given)}`;
  for (const name of new Set([...Object.keys(expected), ...Object.keys(given)])) {
    const [one, other] = [expected, given].map((value) => (value as Record<string, unknown>)[name]);
    const found = difference(one, other, path === '' ? name : `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What is wrong with encoded bytes; undefined when they are those that have to come. */
export function bytesError(expected: string, given: string): string | undefined {
  if (given === expected) return undefined;
  const [right, wrong] = [bytesOf(expected), bytesOf(given)];
  if (hexOf(wrong) !== given) return `the bytes have to be in lower-case hex, and are ${shown(given)}`;
  const at = right.findIndex((byte, i) => wrong[i] !== byte);
  const place = at < 0 ? Math.min(right.length, wrong.length) : at;
  const [has, is] = [expected, given].map((hex) => hex.slice(2 * place, 2 * place + 16) || 'the end');
  return `${right.length} bytes have to come, and ${wrong.length} came; from byte ${place} on: ${has} has to come, ${is} came`;
}

/** What is wrong with what encoded bytes mean, by the decoder of this kit; undefined where they mean what was to be encoded. */
export function meaningError(args: JsonObject, given: string): string | undefined {
  const bytes = bytesOf(given);
  const { what, message, ...parts } = args as JsonObject & { message: string };
  try {
    if (what === 'header') {
      const header = fromCore(message, codecOf(message).decode(bytes));
      return formsError({ header: args.header ?? {} }, { header }, headerForm(message));
    }
    if (what === 'frame') return formsError(parts, { ...readFrame(bytes) } as JsonObject, frameForm);
    const wrong =
      batchFormError(bytes) ?? (bodyChecksumHolds(nodePlatform, bytes) ? undefined : 'its body checksum does not hold');
    return wrong ?? formsError(parts, batchJson(readBatch(bytes)), batchForm);
  } catch (error) {
    return `the bytes ${shown(given)} cannot be decoded: ${(error as Error).message}`;
  }
}

/** Where the control headers of two frames part, though they mean the same. */
export function headerBytesError(expected: string, given: string): string | undefined {
  const [right, wrong] = [expected, given].map((hex) => hexOf(decodeFrame(bytesOf(hex)).control));
  const error = bytesError(right as string, wrong as string);
  return error === undefined ? undefined : `the control header: ${error}`;
}

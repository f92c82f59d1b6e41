import { CONTROL_HEADERS, ErrorInfo, FRAMES, type LiveFrame, QanatError } from '@qanat/core';
import { FIELDS, type Field } from '@qanat/core/annotate';
import type { FrameSeen } from '../../history/view.ts';

/** A field of a control header as it stands on the wire. */
export interface WireField {
  readonly number: number;
  readonly wireType: number;
  /** Of the registry of this version; undefined for an unknown number. */
  readonly field: Field | undefined;
  /** Of a varint; above 2^53 not exact. */
  readonly value: number;
  /** What a length-delimited field holds. */
  readonly content: Uint8Array;
  /** The fields of a message inside. */
  readonly inner: WireMessage | undefined;
}

export interface WireMessage {
  readonly fields: readonly WireField[];
  /**
   * `malformed`: no decoder of Protocol Buffers takes it. `doubtful`: decoders differ, or the specification does not say.
   * `well`: there is nothing to wonder about.
   */
  readonly form: 'well' | 'doubtful' | 'malformed';
}

const VARINT_BYTES_MAX = 10;
const FIELD_NUMBER_MAX = 2 ** 29 - 1;
const NO_BYTES = new Uint8Array(0);

interface Varint {
  readonly value: number;
  readonly next: number;
  readonly doubtful: boolean;
}

function varintAt(bytes: Uint8Array, at: number): Varint | undefined {
  let value = 0;
  let scale = 1;
  for (let i = at; i < bytes.length && i < at + VARINT_BYTES_MAX; i++) {
    const byte = bytes[i] as number;
    value += (byte & 0x7f) * scale;
    // Decoders differ in what they do with bits beyond the sixty-fourth, and with zeros in front.
    if (byte < 0x80) return { value, next: i + 1, doubtful: (i === at + 9 && byte > 1) || (byte === 0 && i > at) };
    scale *= 0x80;
  }
  return undefined;
}

const WIRE_TYPES: Readonly<Record<Field['kind'], number>> = {
  uint32: 0,
  uint64: 0,
  bool: 0,
  enum: 0,
  string: 2,
  bytes: 2,
  message: 2,
};

const wireTypeOf = (field: Field): number => (field.repeated ? 2 : WIRE_TYPES[field.kind]);

/** Many clauses look at the same header, and some are long: what was read once is kept as long as its bytes are. */
const readBefore = new WeakMap<Uint8Array, Map<string, WireMessage>>();

/** Takes a message apart by the rules of Protocol Buffers, and says how sure it is that every receiver takes it so. */
export function readMessage(name: string, bytes: Uint8Array): WireMessage {
  const byName = readBefore.get(bytes) ?? new Map<string, WireMessage>();
  readBefore.set(bytes, byName);
  const message = byName.get(name) ?? takeApart(name, bytes);
  byName.set(name, message);
  return message;
}

const fieldsByNumber = new Map<string, ReadonlyMap<number, Field>>();

function fieldsOf(name: string): ReadonlyMap<number, Field> {
  const fields = fieldsByNumber.get(name) ?? new Map((FIELDS[name] ?? []).map((field) => [field.number, field]));
  fieldsByNumber.set(name, fields);
  return fields;
}

function takeApart(name: string, bytes: Uint8Array): WireMessage {
  const known = fieldsOf(name);
  const fields: WireField[] = [];
  let doubtful = false;
  for (let at = 0; at < bytes.length; ) {
    const tag = varintAt(bytes, at);
    if (tag === undefined) return { fields, form: 'malformed' };
    const number = Math.floor(tag.value / 8);
    const wireType = tag.value % 8;
    if (number === 0 || wireType > 5) return { fields, form: 'malformed' };
    // Groups are of an older version of Protocol Buffers: some decoders skip them.
    if (wireType === 3 || wireType === 4 || number > FIELD_NUMBER_MAX) return { fields, form: 'doubtful' };
    const field = known.get(number);
    const read = readField(bytes, tag.next, { number, wireType, field });
    if (read === undefined) return { fields, form: 'malformed' };
    if (read.field.inner?.form === 'malformed') return { fields: [...fields, read.field], form: 'malformed' };
    doubtful ||= tag.doubtful || read.doubtful || read.field.inner?.form === 'doubtful';
    fields.push(read.field);
    at = read.next;
  }
  return { fields, form: doubtful || hasTwoMessages(fields) ? 'doubtful' : 'well' };
}

/** A message that comes twice where there is one: decoders merge both, or take the last. */
function hasTwoMessages(fields: readonly WireField[]): boolean {
  const single = fields.filter(({ field }) => field?.kind === 'message' && !field.repeated);
  return new Set(single.map(({ number }) => number)).size < single.length;
}

function readField(
  bytes: Uint8Array,
  at: number,
  head: Pick<WireField, 'number' | 'wireType' | 'field'>,
): { field: WireField; next: number; doubtful: boolean } | undefined {
  const { field, wireType } = head;
  // A known field of another wire type: some decoders take it for an unknown one, some refuse it.
  const odd = field !== undefined && wireType !== wireTypeOf(field);
  const empty = { ...head, value: 0, content: NO_BYTES, inner: undefined };
  if (wireType === 1 || wireType === 5) {
    const next = at + (wireType === 1 ? 8 : 4);
    return next > bytes.length ? undefined : { field: empty, next, doubtful: odd };
  }
  const varint = varintAt(bytes, at);
  if (varint === undefined) return undefined;
  if (wireType === 0) {
    const doubtful = odd || varint.doubtful || (field !== undefined && !isInRange(field, varint.value));
    return { field: { ...empty, value: varint.value }, next: varint.next, doubtful };
  }
  const next = varint.next + varint.value;
  if (next > bytes.length) return undefined;
  const content = bytes.subarray(varint.next, next);
  const inner = field?.kind === 'message' && !odd ? takeApart(field.of as string, content) : undefined;
  const doubtful = odd || varint.doubtful || (field !== undefined && !odd && !isClearContent(field, content));
  return { field: { ...empty, content, inner }, next, doubtful };
}

/** A value that every decoder understands alike: no cut integers, no odd booleans. */
const isInRange = ({ kind }: Field, value: number): boolean =>
  kind === 'uint64' || (kind === 'bool' ? value <= 1 : value <= 0xffffffff);

function isClearContent(field: Field, content: Uint8Array): boolean {
  if (field.kind === 'string') return isUtf8(content);
  if (field.kind === 'bytes' || field.kind === 'message') return true;
  for (let at = 0; at < content.length; ) {
    const item = varintAt(content, at);
    if (item === undefined || item.doubtful || !isInRange(field, item.value)) return false;
    at = item.next;
  }
  return true;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

export function isUtf8(bytes: Uint8Array): boolean {
  try {
    UTF8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Which rule of the schema a control header breaks. */
export type SchemaRule = 'QNT-TYP-001' | 'QNT-TYP-004' | 'QNT-TYP-005' | 'QNT-TYP-006';

/** A control header that breaks a rule of the schema. */
export interface BrokenRule {
  readonly kind: 'breaks';
  readonly rule: SchemaRule;
  /** What the decoder says, with the name of the field. */
  readonly why: string;
}

/** What the rules of the schema say of a control header. */
export type Verdict = { readonly kind: 'fine' } | { readonly kind: 'malformed' } | BrokenRule | { readonly kind: 'doubtful' };

const RULES: readonly (readonly [text: string, rule: SchemaRule])[] = [
  ['is above 2^53-1', 'QNT-TYP-001'],
  ['is missing', 'QNT-TYP-004'],
  ['has the unknown value', 'QNT-TYP-005'],
  ['is longer than', 'QNT-TYP-006'],
  ['has more than', 'QNT-TYP-006'],
];

/** A message of the schema. */
interface Schema {
  readonly name: string;
  readonly codec: { decode(control: Uint8Array): unknown };
}

/** What the control header of a frame is; undefined where its type is not known, or has no such message. */
function schemaOf({ name, isError, isResponse }: FrameSeen): Schema | undefined {
  if (isError) return { name: 'ErrorInfo', codec: ErrorInfo };
  if (name === undefined) return undefined;
  const message = isResponse ? FRAMES[name].response : FRAMES[name].request;
  const codec = isResponse ? CONTROL_HEADERS[name].response : CONTROL_HEADERS[name].request;
  return message === undefined || codec === undefined ? undefined : { name: message, codec };
}

/** The control header of a frame, taken apart; undefined where nobody knows what it is. */
export function messageOf(frame: FrameSeen): WireMessage | undefined {
  const schema = schemaOf(frame);
  return schema && readMessage(schema.name, frame.control);
}

/** Judges the control header of a request as a receiver has to: `doubtful` where receivers may differ. */
export const verdictOnRequest = (name: LiveFrame, control: Uint8Array): Verdict =>
  verdictOn({ name: FRAMES[name].request, codec: CONTROL_HEADERS[name].request }, control);

/** The same for any frame. */
export function verdictOnFrame(frame: FrameSeen): Verdict {
  const schema = schemaOf(frame);
  return schema === undefined ? { kind: 'doubtful' } : verdictOn(schema, frame.control);
}

function verdictOn({ name, codec }: Schema, control: Uint8Array): Verdict {
  const { form } = readMessage(name, control);
  if (form === 'doubtful') return { kind: 'doubtful' };
  const error = decodingError(codec, control);
  // What is malformed behind a broken rule: the first of both that a decoder meets may decide.
  if (form === 'malformed') return { kind: error?.code === 'INVALID_ARGUMENT' ? 'doubtful' : 'malformed' };
  if (error === undefined) return { kind: 'fine' };
  const rule = RULES.find(([text]) => error.message.includes(text))?.[1];
  return rule === undefined || error.code !== 'INVALID_ARGUMENT'
    ? { kind: 'doubtful' }
    : { kind: 'breaks', rule, why: error.message };
}

function decodingError(codec: Schema['codec'], control: Uint8Array): QanatError | undefined {
  try {
    codec.decode(control);
    return undefined;
  } catch (error) {
    return QanatError.is(error) ? error : new QanatError('MALFORMED_FRAME', String(error));
  }
}

/** All fields of a message and of those inside of it. */
export function* allFields(message: WireMessage): Generator<WireField> {
  for (const field of message.fields) {
    yield field;
    if (field.inner !== undefined) yield* allFields(field.inner);
  }
}

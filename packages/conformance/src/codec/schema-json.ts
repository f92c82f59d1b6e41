// Control headers as the vectors and examples of the specification write them (names of the schema, enumerations by name, bytes
// in hex, defaults left out) and as the core takes them.
import * as core from '@qanat/core';
import { FIELDS, type Field, VALUE_NAMES } from '@qanat/core/annotate';
import type { Engines } from '../driver/engines.ts';
import { bytesOf, hexOf, type Json, type JsonObject } from '../json.ts';

/** What a frame is; `push` is one-way. */
export type FrameKind = 'request' | 'response' | 'error' | 'push';

/** A control header as it is given: what its fields hold shows when they are looked at. */
export type HeaderJson = Readonly<Record<string, unknown>>;

/** Encodes and decodes the control headers of one message of the schema. */
export interface HeaderCodec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

function fieldsOf(message: string): readonly Field[] {
  const known = Object.hasOwn(FIELDS, message) ? FIELDS[message] : undefined;
  if (known === undefined) throw new Error(`no message ${message}`);
  return known;
}

const namesOf = (field: Field): ReadonlyMap<number, string> => VALUE_NAMES[field.of as string] as ReadonlyMap<number, string>;

/** What the core's codec of `message` takes. @throws Error for a field or enumeration value that the schema does not have. */
export function toCore(message: string, json: HeaderJson): Record<string, unknown> {
  const fields = fieldsOf(message);
  const value: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(json)) {
    const field = fields.find((one) => one.name === name);
    if (field === undefined) throw new Error(`${message} has no field ${name}`);
    const one = (item: unknown): unknown => itemToCore(field, item);
    value[camel(name)] = field.repeated === true ? (given as unknown[]).map(one) : one(given);
  }
  return value;
}

function itemToCore(field: Field, item: unknown): unknown {
  if (field.kind === 'message') return toCore(field.of as string, item as HeaderJson);
  if (field.kind === 'enum') {
    const number = [...namesOf(field)].find(([, name]) => name === item)?.[0];
    if (number === undefined) throw new Error(`${field.name}: no value ${item}`);
    return number;
  }
  return field.kind === 'bytes' ? bytesOf(item as string) : item;
}

/** What the core decoded, as the vectors write it: fields with their default are left out. */
export function fromCore(message: string, value: unknown): JsonObject {
  const json: Record<string, Json> = {};
  for (const field of fieldsOf(message)) {
    const given = (value as Record<string, unknown>)[camel(field.name)];
    if (field.repeated === true) {
      const items = (given as unknown[]).map((item) => itemFromCore(field, item));
      if (items.length > 0) json[field.name] = items;
    } else if (given !== undefined) {
      const item = itemFromCore(field, given);
      const enumDefault = field.kind === 'enum' ? namesOf(field).get(0) : undefined;
      if (item !== 0 && item !== '' && item !== false && item !== enumDefault) json[field.name] = item;
    }
  }
  return json;
}

function itemFromCore(field: Field, item: unknown): Json {
  if (field.kind === 'message') return fromCore(field.of as string, item);
  if (field.kind === 'enum') return namesOf(field).get(item as number) as string;
  return item instanceof Uint8Array ? hexOf(item) : (item as Json);
}

/** Drops what is spelled out although it is the default, so that two headers compare. @throws Error as `toCore` does. */
export const canonical = (message: string, json: HeaderJson): JsonObject =>
  fromCore(message, defaulted(message, toCore(message, json)));

function defaulted(message: string, value: Record<string, unknown>): Record<string, unknown> {
  const whole: Record<string, unknown> = {};
  for (const field of fieldsOf(message)) {
    const given = value[camel(field.name)];
    const one = (item: unknown): unknown =>
      field.kind === 'message' ? defaulted(field.of as string, item as Record<string, unknown>) : item;
    if (field.repeated === true) whole[camel(field.name)] = ((given ?? []) as unknown[]).map(one);
    else whole[camel(field.name)] = given === undefined ? (field.kind === 'bytes' ? new Uint8Array(0) : undefined) : one(given);
  }
  return whole;
}

/** The codec of a message of the schema. @throws Error for a message that there is not. */
export function codecOf(message: string, engines: Engines = core): HeaderCodec {
  fieldsOf(message);
  return (engines as unknown as Record<string, HeaderCodec>)[message] as HeaderCodec;
}

/** The name and the codec of the control header that a frame bears. @throws Error where a frame has no such header. */
export function controlOf(
  frame: string,
  kind: FrameKind,
  engines: Engines = core,
): { readonly message: string; readonly codec: HeaderCodec } {
  if (kind === 'error') return { message: 'ErrorInfo', codec: engines.ErrorInfo as HeaderCodec };
  const side = kind === 'response' ? 'response' : 'request';
  const codecs = Object.hasOwn(engines.CONTROL_HEADERS, frame) ? engines.CONTROL_HEADERS[frame as core.LiveFrame] : undefined;
  const codec = codecs?.[side];
  if (codec === undefined) throw new Error(`${frame} has no ${side}`);
  return { message: engines.FRAMES[frame as core.FrameName][side], codec: codec as HeaderCodec };
}

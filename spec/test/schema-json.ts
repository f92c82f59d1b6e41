// Between control headers as the examples write them (names of the schema, enumerations by name, bytes in hex) and as the core
// takes them.
import { CONTROL_HEADERS, ErrorInfo, FRAMES, type FrameName, type LiveFrame, StateRecord } from '@qanat/core';
import protobuf from 'protobufjs';
import type { MessageType } from '../../packages/core/src/wire/protobuf.ts';
import { loadSchema } from '../../scripts/generate/schema.mjs';
import { bytesOfHex, hexOfBytes } from './fences.ts';

export type Json = Readonly<Record<string, unknown>>;
export type FrameKind = 'request' | 'response' | 'error' | 'push';

interface Field {
  readonly name: string;
  readonly type: string;
  readonly repeated: boolean;
  readonly resolvedType: unknown;
}
interface Schema {
  readonly messages: Readonly<Record<string, { readonly type: { readonly fieldsArray: readonly Field[] } }>>;
}

const schema = loadSchema('spec/v1/proto') as Schema;
const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

function fieldsOf(message: string): readonly Field[] {
  const known = schema.messages[message];
  if (known === undefined) throw new Error(`no message ${message}`);
  return known.type.fieldsArray;
}

/** What the core's codec of `message` takes. @throws for a field or enumeration value that the schema does not have. */
export function toCore(message: string, json: Json): Record<string, unknown> {
  const fields = fieldsOf(message);
  const value: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(json)) {
    const field = fields.find((one) => one.name === name);
    if (field === undefined) throw new Error(`${message} has no field ${name}`);
    const one = (item: unknown): unknown => itemToCore(field, item);
    value[camel(name)] = field.repeated ? (given as unknown[]).map(one) : one(given);
  }
  return value;
}

function itemToCore(field: Field, item: unknown): unknown {
  if (field.resolvedType instanceof protobuf.Type) return toCore(field.resolvedType.name, item as Json);
  if (field.resolvedType instanceof protobuf.Enum) {
    const number = field.resolvedType.values[item as string];
    if (number === undefined) throw new Error(`${field.name}: no value ${item}`);
    return number;
  }
  return field.type === 'bytes' ? bytesOfHex(item as string) : item;
}

/** What the core decoded, as the examples write it: fields with their default are left out. */
export function fromCore(message: string, value: unknown): Json {
  const json: Record<string, unknown> = {};
  for (const field of fieldsOf(message)) {
    const given = (value as Record<string, unknown>)[camel(field.name)];
    if (field.repeated) {
      const items = (given as unknown[]).map((item) => itemFromCore(field, item));
      if (items.length > 0) json[field.name] = items;
    } else if (given !== undefined) {
      const item = itemFromCore(field, given);
      const enumDefault = field.resolvedType instanceof protobuf.Enum ? field.resolvedType.valuesById[0] : undefined;
      if (item !== 0 && item !== '' && item !== false && item !== enumDefault) json[field.name] = item;
    }
  }
  return json;
}

function itemFromCore(field: Field, item: unknown): unknown {
  if (field.resolvedType instanceof protobuf.Type) return fromCore(field.resolvedType.name, item);
  if (field.resolvedType instanceof protobuf.Enum) return field.resolvedType.valuesById[item as number];
  return item instanceof Uint8Array ? hexOfBytes(item) : item;
}

/** Drops what an example spells out although it is the default, so that both sides compare. */
export const canonical = (message: string, json: Json): Json => fromCore(message, defaulted(message, toCore(message, json)));

function defaulted(message: string, value: Record<string, unknown>): Record<string, unknown> {
  const whole: Record<string, unknown> = {};
  for (const field of fieldsOf(message)) {
    const given = value[camel(field.name)];
    const nested = field.resolvedType instanceof protobuf.Type ? field.resolvedType.name : undefined;
    const one = (item: unknown): unknown => (nested === undefined ? item : defaulted(nested, item as Record<string, unknown>));
    if (field.repeated) whole[camel(field.name)] = ((given ?? []) as unknown[]).map(one);
    else whole[camel(field.name)] = given === undefined ? (field.type === 'bytes' ? new Uint8Array(0) : undefined) : one(given);
  }
  return whole;
}

/** The name and the codec of the control header that a frame bears. */
export function controlOf(
  frame: string,
  kind: FrameKind,
): { readonly message: string; readonly codec: MessageType<unknown, unknown> } {
  if (kind === 'error') return { message: 'ErrorInfo', codec: ErrorInfo as never };
  const side = kind === 'response' ? 'response' : 'request';
  const codecs = CONTROL_HEADERS[frame as LiveFrame];
  const codec = codecs?.[side];
  if (codec === undefined) throw new Error(`${frame} has no ${side}`);
  return { message: FRAMES[frame as FrameName][side], codec: codec as never };
}

export const stateRecord = { message: 'StateRecord', codec: StateRecord as never as MessageType<unknown, unknown> };

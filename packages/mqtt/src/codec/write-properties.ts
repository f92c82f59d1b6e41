import { writeUint16At, writeUint32At } from '@qanat/core';
import type { Properties, UserProperty } from './packet.ts';
import { variableLength } from './packet-end.ts';
import { PROPERTY_RULES, type PropertyRule } from './property-table.ts';
import { binaryBytes, textBytes, unsayable, writeBinary, writeText, writeVariable } from './write-fields.ts';

type Value = NonNullable<Properties[keyof Properties]>;

const BY_NAME: ReadonlyMap<string, PropertyRule> = new Map(PROPERTY_RULES.map((rule) => [rule.name, rule]));

function checkNumber({ name, least, most }: PropertyRule, value: number): void {
  if (!(value >= least && value <= most)) throw unsayable(`${name} cannot be ${value}`);
}

function identifierBytes(rule: PropertyRule, identifiers: readonly number[]): number {
  let bytes = 0;
  for (const identifier of identifiers) {
    checkNumber(rule, identifier);
    bytes += 1 + variableLength(identifier);
  }
  return bytes;
}

function pairBytes(pairs: readonly UserProperty[]): number {
  let bytes = 0;
  for (const [name, value] of pairs) bytes += 5 + textBytes(name) + textBytes(value);
  return bytes;
}

/** Bytes of a number with its identifier. */
const NUMBER_BYTES = { byte: 2, uint16: 3, uint32: 5 } as const;

/** Bytes of all that a value becomes, identifiers included. */
function valueBytes(rule: PropertyRule, value: Value): number {
  switch (rule.kind) {
    case 'byte':
    case 'uint16':
    case 'uint32':
      checkNumber(rule, value as number);
      return NUMBER_BYTES[rule.kind];
    case 'variable':
      return identifierBytes(rule, value as readonly number[]);
    case 'text':
      return 3 + textBytes(value as string);
    case 'binary':
      return 3 + binaryBytes(value as Uint8Array);
    case 'pair':
      return pairBytes(value as readonly UserProperty[]);
  }
}

function writeValue(target: Uint8Array, at: number, { id, kind }: PropertyRule, value: Value): number {
  target[at] = id;
  switch (kind) {
    case 'byte':
      target[at + 1] = value as number;
      return at + 2;
    case 'uint16':
      writeUint16At(target, at + 1, value as number);
      return at + 3;
    case 'uint32':
      writeUint32At(target, at + 1, value as number);
      return at + 5;
    case 'text':
      return writeText(target, at + 1, value as string);
    case 'binary':
      return writeBinary(target, at + 1, value as Uint8Array);
    default:
      return writeRepeated(target, at, id, value as readonly (number | UserProperty)[]);
  }
}

/** Properties that may come more than once, in their order [MQTT-3.3.2-18]. */
function writeRepeated(target: Uint8Array, at: number, id: number, values: readonly (number | UserProperty)[]): number {
  let to = at;
  for (const value of values) {
    target[to] = id;
    if (typeof value === 'number') to = writeVariable(target, to + 1, value);
    else to = writeText(target, writeText(target, to + 1, value[0]), value[1]);
  }
  return to;
}

/**
 * Bytes of the properties of a packet that a server sends, without their length.
 * @param type of the packet.
 * @throws MqttError 0x83 where one does not belong into it, or cannot have its value.
 */
export function propertiesBytes(properties: Properties | undefined, type: number): number {
  let bytes = 0;
  for (const name in properties) {
    const value = properties[name as keyof Properties];
    if (value === undefined) continue;
    const rule = BY_NAME.get(name);
    if (rule === undefined || !((rule.fromServer >>> type) & 1)) throw unsayable(`${name} does not belong into this packet`);
    bytes += valueBytes(rule, value);
  }
  return bytes;
}

/** Writes properties that `propertiesBytes` has accepted, their length first. @returns the place behind them. */
export function writeProperties(target: Uint8Array, at: number, properties: Properties | undefined, bytes: number): number {
  let to = writeVariable(target, at, bytes);
  for (const name in properties) {
    const value = properties[name as keyof Properties];
    if (value !== undefined) to = writeValue(target, to, BY_NAME.get(name) as PropertyRule, value);
  }
  return to;
}

import { LIMITS } from '@qanat/core';
import type { Ability, Role } from '../driver/driver.ts';
import type { SocketBinding } from '../ground/ground.ts';
import { isObject, type Json, type JsonObject } from '../json.ts';

/** One operation. Operations are total: selectors are taken modulo what there is, and what does not apply does nothing. */
export type Step = { readonly op: string } & JsonObject;

/** What runs against a subject: data, so that it can be kept, sent to somebody, made smaller and run again. */
export interface Program {
  readonly family: string;
  /** For people; programs that were generated have none. */
  readonly name?: string;
  readonly role: Role;
  /** How the kit's cluster and the subject are set up. */
  readonly setup?: JsonObject;
  /** Without these it is not run. */
  readonly needs?: readonly Ability[];
  /** It stops, kills or fills the subject: nothing else runs beside it. */
  readonly alone?: boolean;
  /** Only on this clock: `virtual` where it waits for too long, `real` where virtual time has a shorter one. */
  readonly timing?: 'virtual' | 'real';
  readonly binding?: SocketBinding;
  readonly steps: readonly Step[];
}

/** What a server is told at its start, where the set-up of a program says it. */
const TOLD_AT_START = ['users', 'credentials', 'replication'] as const;

/** Whom a server knows, who it is itself at its NameServers, and which replica of its group it is. */
export const toldAtStart = (setup: JsonObject): JsonObject =>
  Object.fromEntries(TOLD_AT_START.flatMap((name) => (setup[name] === undefined ? [] : [[name, setup[name]]])));

/** How long a program lets time pass, at the least. */
export const passMsOf = ({ steps }: Program): number =>
  steps.reduce((sum, step) => sum + (step.op === 'pass' ? numberOf(step, 'ms', 0) : 0), 0);

/** Fields of a step, with defaults. */
export const numberOf = (step: JsonObject, name: string, fallback: number): number =>
  typeof step[name] === 'number' ? (step[name] as number) : fallback;

/** Twice the longest frame: more than that need not be sent to see what becomes of it. */
const SIZE_MAX = 2 * LIMITS.FRAME_BYTES_MAX;
const COUNT_MAX = 100_000;
/** An hour. */
const MS_MAX = 3_600_000;

const bounded = (step: JsonObject, name: string, fallback: number, most: number): number =>
  Math.min(Math.max(0, Math.floor(numberOf(step, name, fallback))), most);

/** Bytes to be made, within what a machine can bear, whatever a program says. */
export const sizeOf = (step: JsonObject, name: string, fallback = 0): number => bounded(step, name, fallback, SIZE_MAX);

/** How often something is to be done. */
export const countOf = (step: JsonObject, name: string, fallback = 1): number => bounded(step, name, fallback, COUNT_MAX);

/** How long to wait, ms. */
export const msOf = (step: JsonObject, name: string, fallback = 0): number =>
  Math.min(Math.max(0, numberOf(step, name, fallback)), MS_MAX);

export const textOf = (step: JsonObject, name: string, fallback = ''): string =>
  typeof step[name] === 'string' ? (step[name] as string) : fallback;

export const flagOf = (step: JsonObject, name: string, fallback = false): boolean =>
  typeof step[name] === 'boolean' ? (step[name] as boolean) : fallback;

export const objectOf = (step: JsonObject, name: string): JsonObject => (isObject(step[name]) ? step[name] : {});

export const listOf = (step: JsonObject, name: string): readonly Json[] =>
  Array.isArray(step[name]) ? (step[name] as Json[]) : [];

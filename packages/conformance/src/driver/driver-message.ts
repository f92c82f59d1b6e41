import type { SocketBinding } from '../ground/ground.ts';
import type { CallError } from '../history/event.ts';
import { isObject, type Json, type JsonObject } from '../json.ts';
import type { Ability, Manifest, Role } from './driver.ts';

/** The version of the driver protocol (docs/conformance-drivers.md). */
export const DRIVER_PROTOCOL = 1;

export const TRANSPORTS: readonly SocketBinding[] = ['tcp', 'websocket'];
export const ROLES: readonly Role[] = ['nameserver', 'broker', 'producer', 'consumer', 'codec', 'bridge'];
export const ABILITIES: readonly Ability[] = [
  'policy',
  'abandon',
  'events',
  'batch',
  'broadcasting',
  'dead-letter',
  'kill',
  'stop',
  'pause',
  'register',
  'settings',
  'powerloss',
  'disconnected',
  'functions',
  'users',
  'credentials',
  'cluster',
  'replication',
];

/** What a driver says: the answer to a call, or something by itself. */
export type DriverMessage =
  | { readonly kind: 'answer'; readonly id: number; readonly ok?: Json; readonly error?: CallError }
  | { readonly kind: 'told'; readonly event: string; readonly client: string; readonly args: Json };

const ERROR_KINDS = new Set(['failed', 'indefinite', 'unsupported', 'invalid']);

/** Reads one line of a driver. @returns what is wrong with it as text, one sentence with what to do. */
export function readDriverLine(line: string): DriverMessage | string {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    return `this line of the driver is no JSON: ${JSON.stringify(line.slice(0, 120))}. Only messages go to the standard output; logs go to the standard error.`;
  }
  if (!isObject(message)) return `a message of a driver is a JSON object, not ${line.slice(0, 60)}`;
  return typeof message.event === 'string' ? readTold(message) : readAnswer(message);
}

function readTold(message: JsonObject): DriverMessage | string {
  const { event, client, ...args } = message;
  if (typeof client !== 'string') return `the event ${event} has to name its "client" as text, as the call that started it did`;
  if (event === 'delivered') {
    const wrong = wrongDelivery(args);
    if (wrong !== undefined) return wrong;
  }
  return { kind: 'told', event: event as string, client, args };
}

const DELIVERY: Readonly<Record<string, string>> = {
  topic: 'string',
  broker: 'string',
  queue: 'number',
  offset: 'number',
  body: 'string',
};

function wrongDelivery(args: JsonObject): string | undefined {
  for (const [name, type] of Object.entries(DELIVERY))
    if (typeof args[name] !== type)
      return `the event delivered needs "${name}" as a ${type}, and has ${JSON.stringify(args[name]) ?? 'none'}`;
  return undefined;
}

function readAnswer({ id, ok, error }: JsonObject): DriverMessage | string {
  if (typeof id !== 'number' || !Number.isInteger(id))
    return 'a message has either "event", or the number "id" of the call that it answers';
  if (error === undefined)
    return ok === undefined ? `the answer to call ${id} has neither "ok" nor "error"` : { kind: 'answer', id, ok };
  const kind = isObject(error) ? error.kind : undefined;
  if (!ERROR_KINDS.has(String(kind)))
    return `the error of call ${id} needs "kind": one of ${[...ERROR_KINDS].join(', ')}, not ${JSON.stringify(kind ?? error)}`;
  return { kind: 'answer', id, error: error as unknown as CallError };
}

/** Reads the answer to `hello`. @returns what is wrong with it as text. */
export function readManifest(ok: Json): Manifest | string {
  if (!isObject(ok)) return 'the answer to hello is an object: name, version, protocol, roles, abilities';
  for (const name of ['name', 'version']) if (typeof ok[name] !== 'string') return `the answer to hello needs "${name}" as text`;
  if (ok.protocol !== DRIVER_PROTOCOL)
    return `the answer to hello needs "protocol": ${DRIVER_PROTOCOL}, and has ${JSON.stringify(ok.protocol) ?? 'none'}`;
  const roles = listIn(ok.roles, ROLES, 'roles');
  const abilities = listIn(ok.abilities ?? [], ABILITIES, 'abilities');
  if (typeof roles === 'string') return roles;
  if (typeof abilities === 'string') return abilities;
  const transports = ok.transports === undefined ? undefined : listIn(ok.transports, TRANSPORTS, 'transports');
  if (typeof transports === 'string') return transports;
  if (roles.length === 0) return `the answer to hello names no role: "roles" holds some of ${ROLES.join(', ')}`;
  return {
    name: ok.name as string,
    version: ok.version as string,
    ...(typeof ok.language === 'string' ? { language: ok.language } : {}),
    ...(typeof ok.url === 'string' ? { url: ok.url } : {}),
    roles,
    abilities,
    ...(transports === undefined ? {} : { transports }),
    ...(ok.flush === 'sync' || ok.flush === 'async' ? { flush: ok.flush } : {}),
  };
}

function listIn<T extends string>(value: Json | undefined, known: readonly T[], name: string): readonly T[] | string {
  if (!Array.isArray(value)) return `the answer to hello needs "${name}" as a list`;
  const strange = value.find((one) => !known.includes(one as T));
  if (strange !== undefined)
    return `the answer to hello has an unknown entry of "${name}": ${JSON.stringify(strange)}; known are ${known.join(', ')}`;
  return value as readonly T[];
}

import { QanatError } from '../errors.ts';
import { nameError } from '../model/names.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import type { ScramKeys } from './scram.ts';

/** What a principal is to a server (spec, chapter of authorization). */
export const ROLES = ['client', 'broker', 'replica', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export const ACTIONS = ['read', 'write', 'create', 'describe'] as const;
export type Action = (typeof ACTIONS)[number];

export const RESOURCE_KINDS = ['topic', 'group', 'cluster'] as const;
export type ResourceKind = (typeof RESOURCE_KINDS)[number];
/** What a permission may be about: resources of this protocol, and topics of MQTT, which its bridge alone asks for. */
export type PermissionKind = ResourceKind | 'mqtt';

/** Permissions of one principal. */
export const PERMISSIONS_MAX = 1_000;

/** Actions on all resources of one kind whose name is `name`, or begins with it where `prefix` says so. */
export interface Permission {
  readonly actions: ReadonlySet<Action>;
  readonly kind: PermissionKind;
  /** Of the kind `mqtt` a topic filter, in which `%u` stands for the user and `%c` for the client identifier. */
  readonly name: string;
  readonly prefix: boolean;
}

/** What one principal may send and be sent. */
export interface RateLimit {
  /** 0: no limit. */
  readonly requestsPerSecond: number;
  /** Bytes of frames, both ways together. 0: no limit. */
  readonly bytesPerSecond: number;
}

/** Somebody whom a server knows, and what he may do. */
export interface Principal {
  readonly name: string;
  readonly roles: ReadonlySet<Role>;
  readonly permissions: readonly Permission[];
  /** Proves a password; undefined: he has none. */
  readonly scram: ScramKeys | undefined;
  /** He may come with a certificate of his name. */
  readonly certificate: boolean;
  readonly rate: RateLimit;
  /** Two records with the same text are the same: a new one ends the connections of its principal. */
  readonly text: string;
}

const isAction = (text: string): text is Action => (ACTIONS as readonly string[]).includes(text);
const isKind = (text: string): text is ResourceKind => (RESOURCE_KINDS as readonly string[]).includes(text);

const MQTT_FORM = /^(?<actions>[a-z]+(?:,[a-z]+)*) mqtt:(?<filter>[^\0]+)$/;

/** Wildcards of MQTT stand alone in their level, `#` in the last one (MQTT 5.0, section 4.7.1). */
const isMqttFilter = (text: string): boolean =>
  text.split('/').every((level, i, all) => level === '+' || (level === '#' && i === all.length - 1) || !/[+#]/.test(level));

const FORM = /^(?<actions>[a-z]+(?:,[a-z]+)*) (?<kind>[a-z]+):(?<name>[^*\s]*)(?<star>\*?)$/;

/**
 * Reads `ACTION,ACTION KIND:NAME`, for example `read,write topic:orders` or `all group:billing-*`; `*` at the end stands for any
 * rest of the name. Of the kind `mqtt` the name is a topic filter of MQTT, for example `write mqtt:devices/%u/#`.
 * @throws QanatError BAD_CONFIG.
 */
export function parsePermission(text: string): Permission {
  const { actions: list = '', kind = '', name = '', star = '' } = FORM.exec(text)?.groups ?? {};
  const mqtt = MQTT_FORM.exec(text)?.groups;
  if (mqtt !== undefined) return mqttPermission(text, mqtt.actions as string, mqtt.filter as string);
  const actions = actionsOf(list);
  const nameFits = star === '*' && name === '' ? true : nameError(name, LIMITS.TOPIC_NAME_BYTES_MAX) === undefined;
  if (isKind(kind) && nameFits && actions.every(isAction)) return { actions: new Set(actions), kind, name, prefix: star === '*' };
  throw noPermission(text);
}

const actionsOf = (list: string): readonly string[] => (list === 'all' ? ACTIONS : list.split(','));

function mqttPermission(text: string, list: string, filter: string): Permission {
  const actions = actionsOf(list);
  if (actions.every(isAction) && isMqttFilter(filter))
    return { actions: new Set(actions), kind: 'mqtt', name: filter, prefix: false };
  throw noPermission(text);
}

function noPermission(text: string): QanatError {
  return new QanatError('BAD_CONFIG', `"${text}" is no permission`, {
    hint:
      `write ${ACTIONS.join('|')}|all ${RESOURCE_KINDS.join('|')}:NAME or NAME*, for example "read,write topic:orders.*"; ` +
      'for the MQTT bridge mqtt:FILTER, for example "write mqtt:devices/%u/#"',
  });
}

/** Who may read or write a thing may know of it. */
const covers = (permission: Permission, action: Action): boolean =>
  permission.actions.has(action) ||
  (action === 'describe' && (permission.actions.has('read') || permission.actions.has('write')));

/** Whether the principal has the right: an administrator has every one, a client those that its permissions name. */
export function mayDo(principal: Principal, action: Action, kind: ResourceKind, name: string): boolean {
  if (principal.roles.has('admin')) return true;
  if (!principal.roles.has('client')) return false;
  return principal.permissions.some(
    (one) => one.kind === kind && covers(one, action) && (one.prefix ? name.startsWith(one.name) : name === one.name),
  );
}

/** Whether a NameServer tells the principal of a topic: brokers share them all. */
export function maySeeTopic(principal: Principal, topic: string): boolean {
  if (principal.roles.has('broker') || principal.roles.has('replica')) return true;
  return mayDo(principal, 'describe', 'topic', topic) || mayDo(principal, 'create', 'topic', topic);
}

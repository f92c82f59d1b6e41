import type { LiveFrame, RequestHeader } from '../connection/request.ts';
import { QanatError } from '../errors.ts';
import { FRAMES } from '../wire/gen/registry.ts';
import { ACTIONS, type Action, mayDo, type Principal, RESOURCE_KINDS, type ResourceKind, ROLES, type Role } from './principal.ts';

/** One thing that a frame needs, as the schema says it (option `access`). */
export type Need =
  | { readonly kind: 'open' | 'any' | 'never' }
  | { readonly kind: 'role'; readonly role: Role }
  | { readonly kind: 'right'; readonly action: Action; readonly resource: ResourceKind };

const oneOf = <T extends string>(list: readonly T[], text: string | undefined): T | undefined => list.find((one) => one === text);

/** @throws QanatError INTERNAL: the schema names what is not known here. */
function parseNeed(text: string): Need {
  const [word, rest] = text.split(' ');
  if (word === 'open' || word === 'any') return { kind: word };
  if (word === '-') return { kind: 'never' };
  const role = word === 'role' ? oneOf(ROLES, rest) : undefined;
  if (role !== undefined) return { kind: 'role', role };
  const action = oneOf(ACTIONS, word);
  const resource = oneOf(RESOURCE_KINDS, rest);
  if (action !== undefined && resource !== undefined) return { kind: 'right', action, resource };
  throw new QanatError('INTERNAL', `the schema has the access rule "${text}"`);
}

/** What each frame needs. A frame without a rule may be begun by nobody. */
export const NEEDS: ReadonlyMap<LiveFrame, readonly Need[]> = new Map(
  Object.entries(FRAMES)
    .filter(([, frame]) => !frame.reserved)
    .map(([name, { access }]) => [name as LiveFrame, access === '' ? [{ kind: 'never' }] : access.split(', ').map(parseNeed)]),
);

type NamesIn<N extends LiveFrame> = (header: RequestHeader<N>) => readonly string[];

/** The topics, and the groups, that a request is about. Every frame that needs a right on one stands here. */
const TOPICS: { readonly [N in LiveFrame]?: NamesIn<N> } = {
  SEND: ({ topic }) => [topic],
  PULL: ({ topics }) => topics.map(({ topic }) => topic),
  OFFSET_COMMIT: ({ offsets }) => offsets.map(({ topic }) => topic),
  OFFSET_LOOKUP: ({ queues }) => queues.map(({ topic }) => topic),
  CLIENT_HEARTBEAT: ({ subscription }) => subscription?.topics.map(({ topic }) => topic) ?? [],
  TOPIC_CREATE: ({ topic }) => [topic],
  TOPIC_DESCRIBE: ({ topic }) => [topic],
  STATE_WRITE: ({ topic }) => [topic],
  STATE_GET: ({ topic }) => [topic],
  STATE_SCAN: ({ topic }) => [topic],
};
const GROUPS: { readonly [N in LiveFrame]?: NamesIn<N> } = {
  PULL: ({ group }) => (group === '' ? [] : [group]),
  OFFSET_COMMIT: ({ group }) => [group],
  OFFSET_FETCH: ({ group }) => [group],
  CLIENT_HEARTBEAT: ({ group }) => [group],
  RELEASE: ({ group }) => [group],
  LEAVE: ({ group }) => [group],
  GROUP_DESCRIBE: ({ group }) => [group],
};

/** The names of what a request is about. */
export function resourcesOf(name: LiveFrame, resource: ResourceKind, header: unknown, cluster: string): readonly string[] {
  if (resource === 'cluster') return [cluster];
  const names = (resource === 'topic' ? TOPICS : GROUPS)[name] as NamesIn<never> | undefined;
  if (names === undefined) throw new QanatError('INTERNAL', `nobody knows which ${resource} ${name} is about`);
  return names(header as never);
}

const forbidden = (principal: Principal, what: string): QanatError => new QanatError('FORBIDDEN', `"${principal.name}" ${what}`);

/** An administrator may do what a client may; the roles of servers are their own. */
const hasRole = (principal: Principal, role: Role): boolean =>
  principal.roles.has(role) || (role === 'client' && principal.roles.has('admin'));

/**
 * Whether the principal may begin such a frame at all, whatever is in it: asked before its control header is looked at
 * (QNT-ATZ-002).
 * @throws QanatError FORBIDDEN.
 */
export function checkBegin(principal: Principal, name: LiveFrame): void {
  for (const need of NEEDS.get(name) ?? []) {
    if (need.kind === 'never') throw forbidden(principal, `may not begin ${name}: it is the server's`);
    if (need.kind === 'role' && !hasRole(principal, need.role))
      throw forbidden(principal, `needs the role ${need.role} for ${name}`);
  }
}

/**
 * Whether the principal has every right that the request needs, on everything that it names.
 * @throws QanatError FORBIDDEN that names the first right that is missing.
 */
export function checkRights(principal: Principal, name: LiveFrame, header: unknown, cluster: string): void {
  for (const need of NEEDS.get(name) ?? []) {
    if (need.kind === 'right') checkRight(principal, name, need.action, need.resource, header, cluster);
    // A broker speaks for itself only (QNT-ATZ-008).
    else if (need.kind === 'role' && need.role === 'broker') checkSelf(principal, (header as { readonly broker: string }).broker);
  }
}

function checkRight(
  principal: Principal,
  name: LiveFrame,
  action: Action,
  resource: ResourceKind,
  header: unknown,
  cluster: string,
): void {
  for (const one of resourcesOf(name, resource, header, cluster)) {
    if (!mayDo(principal, action, resource, one)) throw forbidden(principal, `may not ${action} ${resource} "${one}"`);
  }
}

function checkSelf(principal: Principal, broker: string): void {
  if (broker !== principal.name) throw forbidden(principal, `may register the broker of its own name only, not "${broker}"`);
}

import { FRAMES, type LiveFrame } from '@qanat/core';
import type { Header } from '../../history/view.ts';
import type { User } from '../../users/user.ts';

/** Whether somebody has a right on one thing, and what decides it. */
export interface RightSeen {
  readonly action: string;
  readonly kind: string;
  readonly name: string;
  readonly held: boolean;
  /**
   * `admin`: by the role. `role`: no client. `grant`: a permission says so. `implied`: one to read or write does.
   * `name`: permissions for this are for other names only. `nothing`: there is none.
   */
  readonly by: 'admin' | 'role' | 'grant' | 'implied' | 'name' | 'nothing';
}

/** What a server has to make of a request of somebody, by the chapter of authorization. */
export interface Ruling {
  readonly allowed: boolean;
  /** Why not; undefined where it is allowed. `self`: it speaks for another broker. */
  readonly why: 'role' | 'self' | 'right' | undefined;
  readonly rights: readonly RightSeen[];
}

interface Grant {
  readonly actions: readonly string[];
  readonly kind: string;
  readonly name: string;
  readonly star: boolean;
}

/** `read,write topic:orders*`, by the words of the chapter. */
function grantOf(text: string): Grant {
  const [actions = '', resource = ''] = text.split(' ');
  const [kind = '', name = ''] = resource.split(':');
  const star = name.endsWith('*');
  return { actions: actions.split(','), kind, name: star ? name.slice(0, -1) : name, star };
}

const acts = ({ actions }: Grant, action: string): boolean => actions.includes('all') || actions.includes(action);

const fits = ({ name, star }: Grant, to: string): boolean => (star ? to.startsWith(name) : to === name);

/** Whether a user may do something to a thing. */
export function rightOf({ roles, permissions }: User, action: string, kind: string, name: string): RightSeen {
  const right = { action, kind, name };
  if (roles.includes('admin')) return { ...right, held: true, by: 'admin' };
  if (!roles.includes('client')) return { ...right, held: false, by: 'role' };
  const grants = permissions.map(grantOf).filter((grant) => grant.kind === kind);
  const direct = grants.filter((grant) => acts(grant, action));
  if (direct.some((grant) => fits(grant, name))) return { ...right, held: true, by: 'grant' };
  const implying = action === 'describe' ? grants.filter((grant) => acts(grant, 'read') || acts(grant, 'write')) : [];
  if (implying.some((grant) => fits(grant, name))) return { ...right, held: true, by: 'implied' };
  return { ...right, held: false, by: direct.length + implying.length > 0 ? 'name' : 'nothing' };
}

/** The texts of fields of a name, wherever they stand in a header. */
function textsIn(value: Header, field: string): readonly string[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  if (Array.isArray(value)) return value.flatMap((one) => textsIn(one, field));
  return Object.entries(value).flatMap(([name, one]) =>
    name === field && typeof one === 'string' ? [one] : textsIn(one as Header, field),
  );
}

/** What stands for a cluster, whatever it is called: permissions of this kit name none. */
const CLUSTER = '';

function namesOf(kind: string, header: Header): readonly string[] {
  if (kind === 'cluster') return [CLUSTER];
  return [...new Set(textsIn(header, kind))].filter((name) => name !== '');
}

/** What the registry says that a frame needs. */
export const needsOf = (frame: LiveFrame): readonly string[] => FRAMES[frame].access.split(', ');

const hasRole = ({ roles }: User, role: string): boolean =>
  roles.includes(role) || (role === 'client' && roles.includes('admin'));

/** @param header undefined where it cannot be decoded: then roles alone decide, and rights do not. */
export function rulingOn(user: User, frame: LiveFrame, header: Header): Ruling | undefined {
  const needs = needsOf(frame);
  const role = needs.find((need) => need.startsWith('role '))?.slice(5);
  if (needs.includes('-') || (role !== undefined && !hasRole(user, role))) return { allowed: false, why: 'role', rights: [] };
  if (header === undefined) return undefined;
  if (role === 'broker' && header.broker !== user.name) return { allowed: false, why: 'self', rights: [] };
  const rights = needs.flatMap((need) => {
    const [action = '', kind = ''] = need.split(' ');
    return action === 'role' || kind === '' ? [] : namesOf(kind, header).map((name) => rightOf(user, action, kind, name));
  });
  const allowed = rights.every(({ held }) => held);
  return { allowed, why: allowed ? undefined : 'right', rights };
}

/** Whether a NameServer may tell somebody of a topic. */
export function rulingOnRoute(user: User, topic: string): Ruling {
  if (user.roles.includes('broker') || user.roles.includes('replica')) return { allowed: true, why: undefined, rights: [] };
  const rights = [rightOf(user, 'describe', 'topic', topic), rightOf(user, 'create', 'topic', topic)];
  const held = rights.filter((right) => right.held);
  return held.length > 0 ? { allowed: true, why: undefined, rights: held } : { allowed: false, why: 'right', rights };
}

import { FRAMES, type LiveFrame } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import { rightOf, rulingOn, rulingOnRoute } from '../../src/families/authorization/access-rules.ts';
import { authorization } from '../../src/families/authorization/index.ts';
import { requestOf, servedBy } from '../../src/families/authorization/requests.ts';
import type { User } from '../../src/users/user.ts';
import { checkFamily } from './family-check.ts';

checkFamily(authorization);

const user = (roles: readonly string[], ...permissions: readonly string[]): User => ({
  name: 'me',
  password: undefined,
  roles,
  permissions,
  certificate: false,
  requestsPerSecond: 0,
});

describe('what somebody may do, by the words of the chapter', () => {
  it.each([
    ['read topic:orders', 'read', 'orders', true],
    ['read topic:orders', 'read', 'orders2', false],
    ['read topic:orders', 'write', 'orders', false],
    ['read,write topic:o*', 'write', 'orders', true],
    ['all topic:*', 'create', 'x', true],
    ['read topic:orders', 'describe', 'orders', true],
    ['create topic:orders', 'describe', 'orders', false],
    ['read group:orders', 'read', 'orders', false],
  ])('"%s" to %s the topic %s: %s', (permission, action, name, held) => {
    expect(rightOf(user(['client'], permission), action, 'topic', name).held).toBe(held);
    expect(rightOf(user(['broker'], permission), action, 'topic', name).held).toBe(false);
    expect(rightOf(user(['admin']), action, 'topic', name).held).toBe(true);
  });

  it('a request needs every right on everything that it names', () => {
    const topics = [{ topic: 'a' }, { topic: 'b' }];
    const header = { group: 'g', topics };
    expect(rulingOn(user(['client'], 'read topic:*'), 'PULL', header)).toMatchObject({ allowed: false, why: 'right' });
    expect(rulingOn(user(['client'], 'read topic:*'), 'PULL', { group: '', topics })).toMatchObject({ allowed: true });
    expect(rulingOn(user(['client'], 'read topic:a', 'read group:g'), 'PULL', header)).toMatchObject({ allowed: false });
    expect(rulingOn(user(['broker']), 'REGISTER_BROKER', { broker: 'you' })).toMatchObject({ allowed: false, why: 'self' });
    expect(rulingOn(user(['client']), 'TOPIC_REMOVE', undefined)).toMatchObject({ allowed: false, why: 'role' });
    expect(rulingOn(user(['admin']), 'TOPIC_REMOVE', undefined)).toBeUndefined();
  });

  it('routes are seen by who may describe or create the topic, and by servers', () => {
    const sees = (...of: Parameters<typeof user>): boolean => rulingOnRoute(user(...of), 'orders').allowed;
    expect([sees(['broker']), sees(['replica']), sees(['admin'])]).toEqual([true, true, true]);
    expect([sees(['client'], 'write topic:orders'), sees(['client'], 'create topic:orders')]).toEqual([true, true]);
    expect([sees(['client'], 'read group:orders'), sees(['client'])]).toEqual([false, false]);
  });
});

it('has a request for every type of frame that a client may begin', () => {
  const types = (Object.keys(FRAMES) as LiveFrame[]).filter(
    (name) => !FRAMES[name].reserved && FRAMES[name].from === 'client' && FRAMES[name].at !== 'any',
  );
  expect([...servedBy('nameserver'), ...servedBy('broker')].sort()).toEqual(types.sort());
  const names = { topic: 't', group: 'g', broker: 'b' };
  for (const name of types) expect([name, requestOf(name, names).frame]).toEqual([name, name]);
});

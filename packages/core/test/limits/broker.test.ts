// What all clients together may fill at a broker (docs/limits.md): each limit is reached, then passed by one.
import { describe, expect, it } from 'vitest';
import { DEFAULT_GROUP_OPTIONS, GROUP_TOPICS_MAX, MEMBERS_MAX } from '../../src/broker/groups/group-env.ts';
import { POLLED_QUEUES_MAX, POLLED_QUEUES_PER_CONNECTION_MAX } from '../../src/broker/pulls.ts';
import { QUEUES_PER_BROKER_MAX } from '../../src/broker/topic-admin.ts';
import { LIMITS } from '../../src/index.ts';
import { runningBroker, type TestClient } from '../broker/broker-world.ts';

const subscription = (topics: readonly string[]) => ({ topics: topics.map((topic) => ({ topic, filter: '' })) });

describe('topics of a broker', () => {
  it('QUEUES_PER_BROKER_MAX: neither a new topic nor a larger one passes it; a removed one makes room', () => {
    const client = runningBroker().client();
    const most = LIMITS.QUEUES_PER_TOPIC_MAX;
    const topics = QUEUES_PER_BROKER_MAX / most;
    for (let i = 1; i < topics; i++) expect(client.call('TOPIC_CREATE', { topic: `t${i}`, queues: most }).code).toBeUndefined();
    expect(client.call('TOPIC_CREATE', { topic: 'last', queues: most - 1 }).code).toBeUndefined();
    expect(client.call('TOPIC_CREATE', { topic: 'more', queues: 2 }).code).toBe('LIMIT_EXCEEDED');
    expect(client.call('TOPIC_ALTER', { topic: 'last', queues: most }).code).toBeUndefined();
    expect(client.call('TOPIC_CREATE', { topic: 'more', queues: 1 }).code).toBe('LIMIT_EXCEEDED');
    expect(client.call('TOPIC_REMOVE', { topic: 't1' }).code).toBeUndefined();
    expect(client.call('TOPIC_CREATE', { topic: 'more', queues: 1 }).code).toBeUndefined();
    expect(client.call('TOPIC_ALTER', { topic: 'more', queues: most }).code).toBeUndefined();
    expect(client.call('TOPIC_CREATE', { topic: 'again', queues: 1 }).code).toBe('LIMIT_EXCEEDED');
  });
});

describe('polls', () => {
  const PER_POLL = LIMITS.LIST_ITEMS_MAX;
  const pull = (client: TestClient, poll: number, queues: number) =>
    client.send('PULL', {
      poll,
      waitMs: LIMITS.PULL_WAIT_MS_MAX,
      topics: [{ topic: 't', queues: Array.from({ length: queues }, () => ({ queue: 0, offset: 0 })) }],
    });

  function world() {
    const broker = runningBroker();
    broker.client().call('TOPIC_CREATE', { topic: 't', queues: 1 });
    return broker;
  }

  it('POLLED_QUEUES_PER_CONNECTION_MAX: a poll too many is refused, and one that is replaced makes room', () => {
    const client = world().client();
    const polls = POLLED_QUEUES_PER_CONNECTION_MAX / PER_POLL;
    const sent = Array.from({ length: polls }, (_, i) => pull(client, i, PER_POLL));
    expect(sent.map((number) => client.answer('PULL', number)?.code)).toEqual(sent.map(() => undefined));
    expect(client.answer('PULL', pull(client, polls, 1))?.code).toBe('TOO_MANY_REQUESTS');
    expect(client.answer('PULL', pull(client, 0, PER_POLL))).toBeUndefined();
    expect(client.answer('PULL', pull(client, polls, 1))?.code).toBe('TOO_MANY_REQUESTS');
  });

  it('POLLED_QUEUES_MAX: over all connections; one that ends makes room', () => {
    const broker = world();
    const polls = POLLED_QUEUES_PER_CONNECTION_MAX / PER_POLL;
    const clients = Array.from({ length: POLLED_QUEUES_MAX / POLLED_QUEUES_PER_CONNECTION_MAX }, () => broker.client());
    for (const client of clients) for (let i = 0; i < polls; i++) pull(client, i, PER_POLL);
    const late = broker.client();
    expect(late.answer('PULL', pull(late, 0, 1))?.code).toBe('TOO_MANY_REQUESTS');
    clients[0]?.close();
    expect(late.answer('PULL', pull(late, 0, 1))).toBeUndefined();
  });
});

describe('groups', () => {
  it('MEMBERS_MAX: members of all groups; one that leaves makes room', () => {
    expect(DEFAULT_GROUP_OPTIONS.membersMax).toBe(MEMBERS_MAX);
    const client = runningBroker({ groups: { membersMax: 3 } }).client();
    client.call('TOPIC_CREATE', { topic: 't', queues: 1 });
    const join = (group: string, member: string) =>
      client.call('CLIENT_HEARTBEAT', { group, member, subscription: subscription(['t']) }).code;
    const joins = [join('g1', 'a'), join('g1', 'b'), join('g2', 'a'), join('g2', 'b')];
    expect(joins).toEqual([undefined, undefined, undefined, 'LIMIT_EXCEEDED']);
    expect(join('g1', 'a')).toBeUndefined();
    client.call('LEAVE', { group: 'g1', member: 'a' });
    expect([join('g2', 'b'), join('g1', 'a')]).toEqual([undefined, 'LIMIT_EXCEEDED']);
  });

  it('GROUP_TOPICS_MAX: topics of all groups; those of a former subscription make room', () => {
    const client = runningBroker().client();
    const perGroup = LIMITS.SUBSCRIPTIONS_PER_GROUP_MAX;
    const topics = (from: number, count: number) => Array.from({ length: count }, (_, i) => `t${from + i}`);
    const join = (group: string, names: readonly string[], version = 0) =>
      client.call('CLIENT_HEARTBEAT', {
        group,
        member: 'm',
        subscription: { ...subscription(names), version },
      }).code;
    let made = 0;
    for (; made + perGroup <= GROUP_TOPICS_MAX; made += perGroup)
      expect(join(`g${made}`, topics(made, perGroup))).toBeUndefined();
    const rest = GROUP_TOPICS_MAX - made;
    expect(join('rest', topics(made, rest + 1))).toBe('LIMIT_EXCEEDED');
    expect(join('rest', topics(made, rest))).toBeUndefined();
    expect(join('one-more', ['new'])).toBe('LIMIT_EXCEEDED');
    expect(join('known', ['t0'])).toBeUndefined();
    expect(join('rest', topics(made, rest - 1), 1)).toBeUndefined();
    expect(join('one-more', ['new'])).toBeUndefined();
  });
});

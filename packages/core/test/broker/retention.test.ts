import { describe, expect, it } from 'vitest';
import { codeNumber, GroupKind, Position } from '../../src/index.ts';
import type { FakeDisk } from '../log/fake-disk.ts';
import { batchOf, messagesOf } from './batches.ts';
import { type BrokerWorld, runningBroker, type TestClient, WALL_MS } from './broker-world.ts';

/** Each message is a file of the log, and each entry asks for a snapshot: what is old goes with the next but one. */
const LOG = { segmentBytes: 200, snapshotBytes: 1, retentionBytes: 1_000 };

function withTopic(disk?: FakeDisk): { world: BrokerWorld; client: TestClient } {
  const world = runningBroker({ log: LOG }, disk);
  const client = world.client();
  if (disk === undefined) client.call('TOPIC_CREATE', { topic: 't', queues: 2 });
  return { world, client };
}

function put(client: TestClient, queue: number, body: string): number {
  const answer = client.call('SEND', { topic: 't', queue }, [batchOf([body])]);
  expect(answer.code).toBeUndefined();
  return answer.header.baseOffset;
}

const pull = (client: TestClient, queue: number, offset: number) =>
  client.call('PULL', { topics: [{ topic: 't', queues: [{ queue, offset }] }] });

function lookUp(client: TestClient, queue: number): number[] {
  const ask = (position: Position, timeMs = 0) => ({ topic: 't', queue, position, timeMs });
  const queues = [ask(Position.FIRST), ask(Position.LAST), ask(Position.AT_TIME, WALL_MS), ask(Position.AT_TIME, 2 * WALL_MS)];
  return client.call('OFFSET_LOOKUP', { queues }).header.offsets.map(({ offset }) => offset);
}

/** A message in queue 1, and 20 in queue 0, so that the oldest are gone. */
function aged(): { world: BrokerWorld; client: TestClient; oldest: number } {
  const { world, client } = withTopic();
  put(client, 1, 'only');
  for (let i = 0; i < 20; i++) put(client, 0, `m${i}`);
  const [oldest = 0] = lookUp(client, 0);
  expect(oldest).toBeGreaterThan(5);
  return { world, client, oldest };
}

describe('a broker with retention (spec, chapters of pull, offsets and the log entry)', () => {
  it('answers below the oldest offset with OFFSET_OUT_OF_RANGE and the oldest, from which all is there [QNT-PUL-014]', () => {
    const { client, oldest } = aged();
    const below = pull(client, 0, oldest - 1).header.results[0];
    expect(below).toMatchObject({
      code: codeNumber('OFFSET_OUT_OF_RANGE'),
      oldestOffset: oldest,
      nextOffset: oldest,
      highWatermark: 20,
    });
    const rest = pull(client, 0, oldest);
    expect(messagesOf(rest.payload)).toEqual(Array.from({ length: 20 - oldest }, (_, i) => `${oldest + i}:m${oldest + i}`));
    expect(rest.header.results[0]?.oldestOffset).toBe(oldest);
  });

  it('looks up offsets among what is left; an empty queue goes on where it was [QNT-OFS-010, QNT-LOG-017]', () => {
    const { world, client, oldest } = aged();
    expect(lookUp(client, 0)).toEqual([oldest, 20, oldest, 20]);
    expect(lookUp(client, 1)).toEqual([1, 1, 1, 1]);
    expect(pull(client, 1, 0).header.results[0]).toMatchObject({
      code: codeNumber('OFFSET_OUT_OF_RANGE'),
      nextOffset: 1,
      oldestOffset: 1,
    });
    world.disk.powerCut(1);
    const { client: again } = withTopic(world.disk);
    expect(lookUp(again, 1)).toEqual([1, 1, 1, 1]);
    // The next life has snapshots and a record of its own: a little more may be gone.
    const [later = 0, ...others] = lookUp(again, 0);
    expect(later).toBeGreaterThanOrEqual(oldest);
    expect(others).toEqual([20, later, 20]);
    expect(put(again, 1, 'next')).toBe(1);
    expect(messagesOf(pull(again, 1, 1).payload)).toEqual(['1:next']);
  });

  it('refuses a commit below the oldest offset, and takes one at it [QNT-OFS-005]', () => {
    const { client, oldest } = aged();
    const commit = (offset: number) =>
      client.call('OFFSET_COMMIT', { group: 'g', kind: GroupKind.FREE, offsets: [{ topic: 't', queue: 0, offset }] }).header
        .results;
    expect(commit(oldest - 1)).toMatchObject([{ code: codeNumber('OFFSET_OUT_OF_RANGE') }]);
    expect(commit(oldest)).toEqual([]);
  });

  it('gives a lease that fell behind retention the oldest offset as its start [QNT-OFS-019]', () => {
    const { world, client } = withTopic();
    put(client, 0, 'a');
    const commit = (offset: number) =>
      client.call('OFFSET_COMMIT', { group: 'g', offsets: [{ topic: 't', queue: 0, offset }] }).header.results;
    expect(commit(1)).toEqual([]);
    for (let i = 0; i < 20; i++) put(client, 0, `m${i}`);
    const [oldest = 0] = lookUp(client, 0);
    expect(oldest).toBeGreaterThan(1);
    const subscription = { topics: [{ topic: 't' }], kind: GroupKind.ASSIGNED };
    const beat = () => client.call('CLIENT_HEARTBEAT', { group: 'g', member: 'm1', label: 'm1', subscription, revision: 1 });
    beat();
    world.advance(1_000);
    const assigned = [...beat().headers.map(({ assignment }) => assignment), ...client.pushes('ASSIGNMENT')];
    expect(JSON.stringify(assigned)).toContain(`"startOffset":${oldest}`);
  });
});

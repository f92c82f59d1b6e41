import { Broker, EngineContext, portablePlatform, Random } from '@qanat/core';
import { describe, expect, test } from 'vitest';
import type { CommitLog } from '../../../src/broker/log/commit-log.ts';
import { CATCH_UP_BYTES_PER_SECOND_MIN, CatchUp } from '../../../src/broker/replication/catch-up.ts';
import { SnapshotServer } from '../../../src/broker/replication/snapshot-server.ts';
import { ReplicaWorld } from './replica-world.ts';

const LOG = { segmentBytes: 1_000_000, reserveBytes: 0 };

/** How long an empty slave takes to have the 3 MB of its master's log, in virtual time. */
function catchUpMs(catchUpBytesPerSecond: number): number {
  const world = new ReplicaWorld({ broker: { log: LOG }, replication: { catchUpBytesPerSecond } });
  world.startMaster();
  world.send(1_500);
  const { clock } = world.cluster;
  world.startSlave();
  world.cluster.runUntil(() => world.state('broker-a-1') === 'slave', 60_000);
  const beganMs = clock.nowMs();
  world.cluster.runUntil(() => world.same && world.inSync === 2, 60_000);
  return clock.nowMs() - beganMs;
}

describe('a slave that catches up', () => {
  test('QNT-RPL-072 takes no more of its master than the rate that is set, and is in sync in the end', () => {
    expect(catchUpMs(0)).toBeLessThan(1_000);
    const ms = catchUpMs(CATCH_UP_BYTES_PER_SECOND_MIN);
    expect(ms).toBeGreaterThan(2_500);
    expect(ms).toBeLessThan(5_000);
  });

  test('QNT-RPL-072 has pieces of a snapshot at that rate too, a quarter of a second each', () => {
    const context = new EngineContext(new Random(1));
    const asked: number[] = [];
    const log = {
      readSnapshot: (_: number, __: number, bytesMax: number, done: (error: undefined, piece: object) => void) => {
        asked.push(bytesMax);
        done(undefined, { position: 64, size: 9_999, bytes: new Uint8Array(bytesMax) });
      },
    };
    const server = new SnapshotServer('b', log as unknown as CommitLog, new CatchUp(context, 1_000));
    const answers: string[] = [];
    const read = (slave: string): void => {
      const session = { frameBytesMax: 1e6 };
      const header = { broker: 'b', snapshot: 0, offset: 0, maxBytes: 0 };
      const request = { header, session, oneWay: false, respond: () => void answers.push(slave), fail: () => {} };
      server.read(request as never, undefined);
    };
    for (const slave of ['one', 'two', 'three']) read(slave);
    expect([answers, asked]).toEqual([['one'], [250]]);
    context.enter(250);
    context.timers.tick(250);
    expect(answers).toEqual(['one', 'two']);
  });

  test('is not given a rate at which it would take its master for dead: CATCH_UP_BYTES_PER_SECOND_MIN', () => {
    const broker = (catchUpBytesPerSecond: number) => () =>
      new Broker({
        name: 'a',
        nameServers: ['ns:7600'],
        platform: portablePlatform,
        random: new Random(1),
        replication: { replica: 0, catchUpBytesPerSecond },
      });
    expect(broker(CATCH_UP_BYTES_PER_SECOND_MIN - 1)).toThrow(/catchUpBytesPerSecond: 1000000 bytes or more/);
    expect(broker(CATCH_UP_BYTES_PER_SECOND_MIN)).not.toThrow();
    expect(broker(0)).not.toThrow();
  });
});

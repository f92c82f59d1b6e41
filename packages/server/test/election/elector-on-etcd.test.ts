// The elector of the core on a real etcd and real time.
import {
  Driver,
  Elector,
  type Engine,
  EngineContext,
  type GroupRecord,
  type Input,
  nextLife,
  QanatError,
  Random,
} from '@qanat/core';
import { systemClock } from '@qanat/transports/node';
import { afterAll, describe, expect, it } from 'vitest';
import { EtcdCluster, hasEtcd, readyStore } from './etcd-process.ts';

/** One replica that does nothing but stand for election. */
class Candidate {
  readonly told: string[] = [];
  record: GroupRecord | undefined;
  readonly #context = new EngineContext(new Random(1));
  readonly #elector: Elector;
  readonly #driver: Driver;
  #onTold: () => void = () => {};

  constructor(cluster: EtcdCluster, store: Awaited<ReturnType<typeof readyStore>>, replica: number) {
    const tell = (text: string, record?: GroupRecord): void => {
      this.told.push(text);
      this.record = record;
      this.#onTold();
    };
    this.#elector = new Elector(this.#context, {
      cluster: 'test',
      group: cluster.members[0]?.name ?? '',
      replica,
      life: nextLife(undefined, 100 + replica, true),
      storeId: () => new Uint8Array(16).fill(1),
      logTerm: () => 0,
      createsRecord: replica === 1,
      leaseTtlMs: 2_000,
      events: {
        onLead: (term, record) => tell(`lead ${term}`, record),
        onFollow: (record) => tell(`follow ${record.master} in ${record.term}`, record),
        onSuperseded: (term, record) => tell(`superseded in ${term}`, record),
        onHalted: (error) => tell(`halted ${error.code}`),
      },
    });
    const engine: Engine = {
      handle: (input: Input, nowMs) => {
        this.#context.enter(nowMs);
        this.#context.handle(input);
      },
      tick: (nowMs) => {
        this.#context.enter(nowMs);
        this.#context.timers.tick(nowMs);
      },
      drain: () => this.#context.drain(),
      nextDeadlineMs: () => this.#context.timers.nextDeadlineMs(),
    };
    this.#driver = new Driver(engine, { clock: systemClock, transports: [], consensus: store });
    this.#driver.start();
    this.call((elector) => elector.start());
  }

  call(run: (elector: Elector) => void): void {
    this.#driver.enter((nowMs) => {
      this.#context.enter(nowMs);
      run(this.#elector);
    });
    this.#driver.perform();
  }

  async tells(text: string): Promise<void> {
    while (!this.told.includes(text)) {
      await new Promise<void>((resolve) => {
        this.#onTold = resolve;
      });
    }
  }

  put(record: GroupRecord): Promise<string> {
    return new Promise((resolve) => this.call((elector) => elector.put(record, (error) => resolve(error?.code ?? 'on record'))));
  }

  kill(): void {
    this.#driver.kill(new QanatError('CLOSED', 'killed'));
  }
}

describe.skipIf(!hasEtcd)('two replicas on one etcd (skipped where etcd is not installed)', () => {
  afterAll(() => EtcdCluster.endAll());

  it('elect a master, put its in-sync set, and elect the other one when it falls silent', async () => {
    const cluster = await EtcdCluster.start();
    const store = await readyStore(cluster);
    const first = new Candidate(cluster, store, 1);
    await first.tells('lead 1');
    const second = new Candidate(cluster, store, 2);
    await second.tells('follow 1 in 1');
    const both = [1, 2].map((replica) => ({ replica, incarnation: 100 + replica }));
    const record = { ...(first.record as GroupRecord), version: 2, inSync: both };
    expect(await first.put({ ...record, inSync: [...both, { replica: 3, incarnation: 1 }] })).toBe('REPLICA_BEHIND');
    expect(await first.put(record)).toBe('on record');
    first.kill();
    await second.tells('lead 2');
    expect(second.record?.inSync).toEqual([{ replica: 2, incarnation: 102 }]);
    await new Promise<void>((resolve) => second.call((elector) => elector.stop(resolve)));
    store.close();
  });
});

// Goal: a record counts when one NameServer has it and none refuses it; nobody's silence is taken for a yes.
import { MemoryStorage, VirtualClock, VirtualNetwork, VirtualNode } from '@qanat/simulator';
import { describe, expect, it } from 'vitest';
import type { RecordFound } from '../../../src/broker/replication/group-register.ts';
import { NameServerRegister } from '../../../src/broker/replication/name-server-register.ts';
import { Feature, type GroupRecordInit, NameServer, type QanatError, Random } from '../../../src/index.ts';
import { SessionClient } from '../../session-client.ts';

const record = (term: number, version = 1): GroupRecordInit => ({ storeId: new Uint8Array(16).fill(1), term, version });

/** NameServers that keep records, or none where `keeps` says so, and one client with a connection to each. */
function world(keeps: readonly boolean[]) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const clients = keeps.map((keepsRecords, i) => {
    const engine = new NameServer({ name: `ns-${i}`, software: 'test', random: new Random(i + 1), keepsRecords });
    const transport = network.transport(`ns-${i}`);
    const node = new VirtualNode(engine, { name: `ns-${i}`, clock, transport, storage: new MemoryStorage(clock) });
    node.start();
    node.listen(`ns-${i}:7600`, () => {});
    clock.run(clock.nowMs() + 5);
    return new SessionClient(clock, network, 'broker', `ns-${i}:7600`, { minor: 3, features: [Feature.FEATURE_REPLICATION] });
  });
  clock.run(clock.nowMs() + 50);
  const links = clients.map(({ engine }, i) => ({ address: `ns-${i}`, session: engine.session }));
  /** One engine's time is as good as another's: every request runs on the connection's own. */
  const each = (run: (register: NameServerRegister) => void, open: readonly number[]): void => {
    const present = links.map((link, i) => (open.includes(i) ? link : { ...link, session: undefined }));
    const first = clients[0] as SessionClient;
    const enterAll = (i: number): void => {
      const client = clients[i];
      if (client === undefined) {
        run(new NameServerRegister(first.engine.context, 'b', present));
        return;
      }
      client.call((nowMs) => {
        client.engine.context.enter(nowMs);
        enterAll(i + 1);
      });
    };
    enterAll(0);
    clock.run(clock.nowMs() + 4_000);
  };
  const all = keeps.map((_, i) => i);
  const put = (text: GroupRecordInit, open = all, everywhere?: boolean): string => {
    const ended: (QanatError | undefined)[] = [];
    each((register) => register.put(text, (error) => ended.push(error), everywhere), open);
    expect(ended).toHaveLength(1);
    return ended[0]?.code ?? 'ok';
  };
  const get = (open = all): RecordFound => {
    const ended: RecordFound[] = [];
    each((register) => register.get((found) => ended.push(found)), open);
    return ended[0] as RecordFound;
  };
  return { network, put, get };
}

describe('the register of manual mode', () => {
  it('has a record written at every NameServer that can be reached [QNT-REG-035]', () => {
    const { put, get } = world([true, true]);
    expect(get()).toEqual({ record: undefined, others: [], complete: true, silent: [], unkept: false });
    expect(put(record(1))).toBe('ok');
    for (const one of [0, 1]) expect(get([one])).toMatchObject({ record: { term: 1 }, complete: false });
    expect(get()).toMatchObject({ record: { term: 1 }, complete: true });
  });

  it('lets TERM_FENCED of one win over the confirmation of others, and finds the newest record [QNT-REG-035]', () => {
    const { put, get } = world([true, true]);
    put(record(5), [1]);
    expect(put(record(4))).toBe('TERM_FENCED');
    expect(get()).toMatchObject({ record: { term: 5 } });
    expect(put(record(5, 2), [0])).toBe('ok');
    expect(get()).toMatchObject({ record: { term: 5, version: 2 } });
  });

  it('finds the newest record of each term, for one promotion may be unfinished and another master go on [QNT-REG-035]', () => {
    const { put, get } = world([true, true]);
    put(record(1, 1));
    put(record(1, 2), [1]);
    expect(get()).toMatchObject({ record: { term: 1, version: 2 }, others: [] });
    put(record(2, 2), [0]);
    expect(get()).toMatchObject({ record: { term: 2, version: 2 }, others: [{ term: 1, version: 2 }] });
  });

  it('is content with one confirmation when another NameServer does not answer, and tells that it did not hear all [QNT-REG-035]', () => {
    const { network, put, get } = world([true, true]);
    network.cut('broker', 'ns-1');
    expect(put(record(1))).toBe('ok');
    expect(get()).toMatchObject({ record: { term: 1 }, complete: false, silent: ['ns-1'] });
  });

  it('does not know what became of a record that nobody confirmed [QNT-REG-035]', () => {
    const { network, put, get } = world([true]);
    expect(put(record(1), [])).toBe('CONNECTION_FAILED');
    network.cut('broker', 'ns-0');
    expect(put(record(1))).toBe('TIMEOUT');
    expect(get()).toEqual({ record: undefined, others: [], complete: false, silent: ['ns-0'], unkept: false });
  });

  it('takes a NameServer without records for one that has none [QNT-REG-035]', () => {
    const mixed = world([true, false]);
    expect(mixed.put(record(1))).toBe('ok');
    expect(mixed.get()).toMatchObject({ record: { term: 1 }, complete: true });
    expect(world([false]).put(record(1))).toBe('UNSUPPORTED_FEATURE');
  });

  it('counts the first record of a master only when everybody who keeps records has it [QNT-REG-035]', () => {
    const { put, get } = world([true, true]);
    expect(put(record(1), [0], true)).not.toBe('ok');
    expect(get([1])).toMatchObject({ record: undefined, complete: false });
    expect(put(record(1), [0, 1], true)).toBe('ok');
    const mixed = world([true, false]);
    expect(mixed.put(record(1), [0], true)).not.toBe('ok');
    expect(mixed.put(record(1), [0, 1], true)).toBe('ok');
    expect(mixed.put(record(2, 1), [0, 1], true)).toBe('TERM_FENCED');
    expect(world([false]).put(record(1), [0], true)).toBe('UNSUPPORTED_FEATURE');
  });

  it('has a silent NameServer count for no one: what it would say of a first record is not known [QNT-REG-035]', () => {
    const { network, put } = world([true, true]);
    network.cut('broker', 'ns-1');
    expect(put(record(1), [0, 1], true)).toBe('TIMEOUT');
  });
});

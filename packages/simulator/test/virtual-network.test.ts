import { QanatError, Random } from '@qanat/core';
import { Recorder, shortFrame } from '@qanat/core/testing';
import { Trace, VirtualClock, VirtualNetwork, type VirtualNetworkOptions } from '@qanat/simulator';
import { describe, expect, it } from 'vitest';

function world(options: VirtualNetworkOptions = { latencyMs: 5 }): {
  clock: VirtualClock;
  network: VirtualNetwork;
  accepted: Recorder[];
  dial(from?: string): Recorder;
} {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock, options);
  const accepted: Recorder[] = [];
  const accept = (connection: Parameters<Recorder['attach']>[0]): Recorder => {
    const recorder = new Recorder();
    recorder.attach(connection);
    accepted.push(recorder);
    return recorder;
  };
  network.transport('broker').listen('0.0.0.0:7610', accept, () => undefined);
  const dial = (from = 'client'): Recorder => {
    const recorder = new Recorder();
    recorder.attach(network.transport(from).dial('qanat://broker:7610', recorder));
    return recorder;
  };
  return { clock, network, accepted, dial };
}

const send = (recorder: Recorder, seed = 0): void => {
  recorder.send(shortFrame(seed));
  recorder.flush();
};

describe('the virtual network', () => {
  it('takes its latency for each way of a message', () => {
    const { clock, accepted, dial } = world();
    const client = dial();
    send(client);
    clock.run(4.9);
    expect(accepted.length).toBe(0);
    clock.run(5);
    expect(accepted[0]?.frames.length).toBe(1);
    clock.run(9.9);
    expect(client.opens).toBe(0);
    clock.run(10);
    expect(client.opens).toBe(1);
  });

  it('holds what was sent over a cut link, and gives it in order after the heal', () => {
    const { clock, network, accepted, dial } = world();
    const client = dial();
    clock.run(10);
    send(client, 1);
    clock.run(12);
    network.cut('client', 'broker');
    send(client, 2);
    clock.run(100);
    expect(accepted[0]?.frames.length).toBe(0);
    network.heal('broker', 'client');
    send(client, 3);
    clock.run(105);
    expect(accepted[0]?.frames.map((frame) => [...frame])).toEqual([1, 2, 3].map((seed) => [...shortFrame(seed)]));
  });

  it('cuts one way alone', () => {
    const { clock, network, accepted, dial } = world();
    const client = dial();
    clock.run(10);
    network.cutOneWay('broker', 'client');
    send(client, 1);
    if (accepted[0] !== undefined) send(accepted[0], 2);
    clock.run(100);
    expect([accepted[0]?.frames.length, client.frames.length]).toEqual([1, 0]);
    network.heal('client', 'broker');
    clock.run(200);
    expect(client.frames.length).toBe(1);
  });

  it('lets a dialling over a cut link time out, and leaves other links alone', () => {
    const { clock, network, accepted, dial } = world();
    network.cut('client', 'broker');
    const client = dial();
    const other = dial('other');
    clock.run(2_999);
    expect([client.closes.length, other.opens]).toEqual([0, 1]);
    clock.run(3_000);
    expect(client.closes[0]?.code).toBe('CONNECTION_FAILED');
    network.heal('client', 'broker');
    clock.run(10_000);
    expect(accepted.length).toBe(1);
  });

  it('a crash ends the connections of its peers, and nothing reaches the dead process', () => {
    const { clock, network, accepted, dial } = world();
    const client = dial();
    clock.run(10);
    send(client);
    network.crash('broker');
    clock.run(20);
    expect(client.closes[0]?.code).toBe('CONNECTION_LOST');
    expect([accepted[0]?.frames.length, accepted[0]?.closes.length]).toEqual([0, 0]);
    const late = dial();
    clock.run(40);
    expect(late.closes[0]?.code).toBe('CONNECTION_FAILED');
  });

  it('a crash behind a cut is heard of after the heal', () => {
    const { clock, network, dial } = world();
    const client = dial();
    clock.run(10);
    network.cut('broker', 'client');
    network.crash('broker');
    clock.run(1_000);
    expect(client.closes.length).toBe(0);
    network.heal('broker', 'client');
    clock.run(1_005);
    expect(client.closes[0]?.code).toBe('CONNECTION_LOST');
  });

  it('an abort takes back what is on its way', () => {
    const { clock, accepted, dial } = world();
    const client = dial();
    clock.run(10);
    send(client);
    clock.run(14);
    client.abort(new QanatError('ABORTED', 'dropped'));
    clock.run(100);
    expect(accepted[0]?.frames.length).toBe(0);
    expect(accepted[0]?.closes[0]?.code).toBe('CONNECTION_LOST');
  });

  it('a close over a cut link gives up after five seconds', () => {
    const { clock, network, accepted, dial } = world();
    const client = dial();
    clock.run(10);
    network.cut('broker', 'client');
    send(client);
    client.close();
    clock.run(5_009);
    expect(client.closes.length).toBe(0);
    clock.run(5_010);
    expect(client.closes[0]?.code).toBe('CONNECTION_LOST');
    network.heal('broker', 'client');
    clock.run(6_000);
    expect(accepted[0]?.closes[0]?.code).toBe('CONNECTION_LOST');
  });

  it('refuses to listen for another host', () => {
    const { clock, network } = world();
    let code: string | undefined;
    network.transport('client').listen(
      'broker:1',
      () => new Recorder(),
      (error) => {
        code = error?.code;
      },
    );
    clock.run(1);
    expect(code).toBe('BAD_CONFIG');
  });

  it('gives the same run for the same seed, whatever the latencies', () => {
    const hashOf = (seed: number): string => {
      const random = new Random(seed);
      const { clock, accepted, dial } = world({ latencyMs: () => random.below(1_000) / 100 });
      const trace = new Trace();
      const clients = Array.from({ length: 10 }, (_, i) => dial(`client-${i}`));
      for (let round = 0; round < 50; round++) {
        const one = clients[random.below(10)];
        if (one !== undefined) send(one, round);
        clock.run(round * 2);
        trace.add(clock.nowMs(), accepted.map(({ frames }) => frames.length).join(' '));
      }
      clock.run(1_000);
      expect(accepted.reduce((sum, { frames }) => sum + frames.length, 0)).toBe(50);
      expect([...clients, ...accepted].flatMap(({ breaches }) => breaches)).toEqual([]);
      return trace.hash();
    };
    expect(hashOf(1)).toBe(hashOf(1));
    expect(hashOf(1)).not.toBe(hashOf(2));
  });
});

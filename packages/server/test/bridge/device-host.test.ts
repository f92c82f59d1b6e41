import type { ByteStream } from '@qanat/transports/streams';
import { describe, expect, it } from 'vitest';
import { DeviceHost, type HostClock, STOP_DEADLINE_MS } from '../../src/bridge/device-host.ts';
import { DeviceSockets } from '../../src/bridge/device-sockets.ts';
import { FakeEngine } from './fake-engine.ts';

/** A clock whose time the test moves. */
class TestClock implements HostClock {
  now = 100;
  ahead = 1_000;
  readonly timers = new Set<{ readonly atMs: number; readonly run: () => void }>();
  nowMs(): number {
    return this.now;
  }
  wallMs(): number {
    return this.now + this.ahead;
  }
  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.now + ms, run };
    this.timers.add(timer);
    return () => void this.timers.delete(timer);
  }
  move(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const next = [...this.timers].filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.timers.delete(next);
      this.now = next.atMs;
      next.run();
    }
    this.now = until;
  }
}

class FakeStream implements ByteStream {
  number = 0;
  readonly remote = '10.0.0.1:5';
  readonly secure = true;
  readonly certificateNames: readonly string[];
  readonly calls: string[] = [];
  constructor(names: readonly string[] = []) {
    this.certificateNames = names;
  }
  send(bytes: Uint8Array): boolean {
    this.calls.push(`send ${[...bytes]}`);
    return false;
  }
  flush(): void {
    this.calls.push('flush');
  }
  setReading(on: boolean): void {
    this.calls.push(`reading ${on}`);
  }
  close(): void {
    this.calls.push('close');
  }
  abort(): void {
    this.calls.push('abort');
  }
}

function world(connectionsMax = 10): { clock: TestClock; host: DeviceHost; sockets: DeviceSockets; engine: FakeEngine } {
  const clock = new TestClock();
  const host = new DeviceHost((names) => names?.find((name) => name.startsWith('dev')), clock);
  const sockets = new DeviceSockets(host, connectionsMax);
  const engine = new FakeEngine();
  host.start(engine);
  engine.told.length = 0;
  return { clock, host, sockets, engine };
}

describe('the host of an MQTT engine', () => {
  it('tells the engine once that a connection is over, and counts its socket until it is closed', () => {
    const { sockets, engine } = world();
    const stream = new FakeStream();
    sockets.accepted(stream);
    engine.told.length = 0;
    sockets.ended(stream);
    expect(engine.told).toEqual(['closed 1']);
    expect(sockets.size).toBe(1);
    sockets.closed(stream);
    expect(engine.told).toEqual(['closed 1']);
    expect(sockets.size).toBe(0);
  });

  it('gives connections numbers, and the engine what they bring', () => {
    const { sockets, engine } = world();
    const stream = new FakeStream(['x', 'dev-1']);
    sockets.accepted(stream);
    sockets.received(stream, Uint8Array.of(1, 2));
    sockets.drained(stream);
    expect(sockets.send(1, Uint8Array.of(3))).toBe(false);
    sockets.pause(1);
    sockets.resume(1);
    sockets.close(1);
    sockets.closed(stream);
    expect(stream.calls).toEqual(['send 3', 'reading false', 'reading true', 'close']);
    expect(engine.told).toEqual([
      'accepted 1 {"secure":true,"certificate":"dev-1"} at 100',
      'received 1 1,2',
      'drained 1',
      'closed 1',
    ]);
    expect(sockets.send(1, Uint8Array.of(3))).toBe(true);
  });

  it('drops connections beyond what the process can have open, and the engine hears nothing of them', () => {
    const { sockets, engine } = world(1);
    const [one, two] = [new FakeStream(), new FakeStream()];
    sockets.accepted(one);
    sockets.accepted(two);
    sockets.closed(two);
    expect(two.calls).toEqual(['abort']);
    expect(engine.told).toHaveLength(1);
    expect(sockets).toMatchObject({ size: 1, dropped: 1 });
  });

  it('wakes the engine when it wants to be, also when that becomes sooner', () => {
    const { clock, host, engine } = world();
    engine.deadlineMs = 600;
    host.enter(() => undefined);
    engine.deadlineMs = 300;
    host.enter(() => undefined);
    clock.move(1_000);
    expect(engine.told).toEqual(['tick 300']);
    expect(clock.timers.size).toBe(1);
  });

  it('tells the wall clock anew when it was set', () => {
    const { clock, engine } = world();
    clock.ahead = 61_000;
    clock.move(2_500);
    expect(engine.told).toEqual(['wall 61000']);
  });

  it('waits until devices have left when it stops, and drops those that do not within STOP_DEADLINE_MS', async () => {
    const { clock, host, sockets, engine } = world();
    const [leaves, stays] = [new FakeStream(), new FakeStream()];
    for (const stream of [leaves, stays]) sockets.accepted(stream);
    engine.onStop = () => sockets.closed(leaves);
    stays.abort = () => sockets.closed(stays);
    const stopped = host.stop(sockets);
    clock.move(STOP_DEADLINE_MS - 1);
    expect(engine.told.slice(2)).toEqual(['stop', 'closed 1']);
    clock.move(1);
    await stopped;
    expect(engine.told.slice(4)).toEqual(['closed 2']);
    host.end();
    expect(clock.timers.size).toBe(0);
  });

  it('stops at once where there is no device', async () => {
    const { host, sockets } = world();
    await host.stop(sockets);
  });
});

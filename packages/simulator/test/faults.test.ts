// Goal: the simulated hosts fail as real ones do; each fault by itself, seen from outside.
import type { Connection, ConnectionHandler, QanatError } from '@qanat/core';
import { Random } from '@qanat/core';
import { DiskFaults, HostClock, MemoryStorage, type MemoryStorageOptions, VirtualClock, VirtualNetwork } from '@qanat/simulator';
import { describe, expect, it } from 'vitest';

const SECTOR = 512;

function newDisk(
  seed: number,
  options: MemoryStorageOptions = {},
): { clock: VirtualClock; faults: DiskFaults; disk: MemoryStorage } {
  const clock = new VirtualClock();
  const faults = new DiskFaults(new Random(seed));
  return { clock, faults, disk: new MemoryStorage(clock, { ...options, faults }) };
}

/** Runs one request to its end. */
function ended<T>(
  clock: VirtualClock,
  request: (done: (error: QanatError | undefined, result: T) => void) => void,
): { error: QanatError | undefined; result: T } {
  let outcome: { error: QanatError | undefined; result: T } | undefined;
  request((error, result) => {
    outcome = { error, result };
  });
  clock.run(clock.nowMs() + 1_000);
  if (outcome === undefined) throw new Error('the request did not end');
  return outcome;
}

function write(clock: VirtualClock, disk: MemoryStorage, name: string, byte: number, length: number): QanatError | undefined {
  return ended<void>(clock, (done) => disk.append(name, [new Uint8Array(length).fill(byte)], done)).error;
}

const read = (clock: VirtualClock, disk: MemoryStorage, name: string): Uint8Array =>
  ended<Uint8Array>(clock, (done) => disk.read(name, 0, 1e6, done)).result;

describe('a disk whose power is cut', () => {
  it('keeps what was synced, and of the rest each sector old, new or torn, and any size: also new ones behind a hole', () => {
    let holes = 0;
    let torn = 0;
    const sizes = new Set<number>();
    for (let seed = 1; seed <= 200; seed++) {
      const { clock, faults, disk } = newDisk(seed);
      ended<void>(clock, (done) => disk.create('a', done));
      write(clock, disk, 'a', 1, SECTOR);
      ended<void>(clock, (done) => disk.sync('a', done));
      write(clock, disk, 'a', 2, 4 * SECTOR);
      const bytes = read(clock, disk.crash(faults.random), 'a');
      expect(bytes.length).toBeGreaterThanOrEqual(SECTOR);
      expect(bytes.subarray(0, SECTOR).every((byte) => byte === 1)).toBe(true);
      const rest = bytes.subarray(SECTOR);
      expect(rest.every((byte) => byte === 0 || byte === 2)).toBe(true);
      if (rest.indexOf(0) >= 0 && rest.lastIndexOf(2) > rest.indexOf(0)) holes++;
      for (let at = 0; at + SECTOR <= rest.length; at += SECTOR) {
        const sector = rest.subarray(at, at + SECTOR);
        if (sector.includes(0) && sector.includes(2)) torn++;
      }
      sizes.add(bytes.length);
    }
    expect([holes > 20, torn > 20, sizes.size > 40]).toEqual([true, true, true]);
  });

  it('has done what was under way, has not, or has in part', () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      const { clock, faults, disk } = newDisk(seed);
      ended<void>(clock, (done) => disk.replace('old', Uint8Array.of(1), done));
      disk.replace('old', Uint8Array.of(2), () => {});
      disk.create('new', () => {});
      const next = disk.crash(faults.random);
      seen.add(`${[...read(clock, next, 'old')]} ${next.names}`);
    }
    expect([...seen].sort()).toEqual(['1 new,old', '1 old', '2 new,old', '2 old']);
  });
});

describe('a disk whose sync fails', () => {
  it.each(['drop', 'keep'] as const)('fails once; the pages: %s', (pages) => {
    const { clock, faults, disk } = newDisk(3);
    ended<void>(clock, (done) => disk.create('a', done));
    write(clock, disk, 'a', 7, 2 * SECTOR);
    faults.failSync(pages);
    expect(ended<void>(clock, (done) => disk.sync('a', done)).error?.code).toBe('STORE_IO');
    expect(ended<void>(clock, (done) => disk.sync('a', done)).error).toBeUndefined();
    // Whoever reads now sees the bytes in any case; the device may not have them.
    expect(read(clock, disk, 'a').every((byte) => byte === 7)).toBe(true);
    const whole = Array.from({ length: 50 }, (_, seed) => {
      const copy = disk.file('a')?.survivor(new Random(seed)).read(0, 1e6) as Uint8Array;
      return copy.length === 2 * SECTOR && copy.every((byte) => byte === 7);
    });
    expect(whole.every((one) => one)).toBe(pages === 'keep');
  });

  it('has the bytes that were written again after it', () => {
    const { clock, faults, disk } = newDisk(4);
    ended<void>(clock, (done) => disk.create('a', done));
    write(clock, disk, 'a', 7, SECTOR);
    faults.failSync('drop');
    ended<void>(clock, (done) => disk.sync('a', done));
    ended<void>(clock, (done) => disk.truncate('a', 0, done));
    write(clock, disk, 'a', 8, SECTOR);
    ended<void>(clock, (done) => disk.sync('a', done));
    expect(read(clock, disk.crash(faults.random), 'a').every((byte) => byte === 8)).toBe(true);
  });
});

describe('a disk that is full, slow or broken', () => {
  it('writes what fits and fails, says how much is free, and takes more when there is room again', () => {
    const { clock, faults, disk } = newDisk(5);
    ended<void>(clock, (done) => disk.create('a', done));
    faults.fill(100);
    expect(ended<number>(clock, (done) => disk.freeSpace(done)).result).toBe(100);
    expect(write(clock, disk, 'a', 1, 150)?.code).toBe('STORE_IO');
    expect(disk.file('a')?.size).toBe(100);
    expect(ended<void>(clock, (done) => disk.replace('b', Uint8Array.of(1), done)).error?.code).toBe('STORE_IO');
    faults.empty();
    expect(write(clock, disk, 'a', 1, 50)).toBeUndefined();
  });

  it('takes longer while it is slow, and no longer for what is under way when it is quick again', () => {
    const { clock, faults, disk } = newDisk(7, { syncMs: 10 });
    ended<void>(clock, (done) => disk.create('a', done));
    const startMs = clock.nowMs();
    const took: number[] = [];
    faults.slowFactor = 5;
    disk.sync('a', () => took.push(clock.nowMs() - startMs));
    clock.run(startMs + 50);
    faults.slowFactor = 1_000;
    disk.sync('a', () => took.push(clock.nowMs() - startMs));
    disk.sync('a', () => took.push(clock.nowMs() - startMs));
    clock.run(startMs + 150);
    faults.heal();
    clock.run(startMs + 1_000);
    expect(took).toEqual([50, 160, 170]);
  });

  it('fails so many requests of a kind as it was told', () => {
    const { clock, faults, disk } = newDisk(6);
    ended<void>(clock, (done) => disk.create('a', done));
    faults.fail('append', 2);
    const codes = [1, 2, 3].map(() => write(clock, disk, 'a', 1, 10)?.code);
    expect(codes).toEqual(['STORE_IO', 'STORE_IO', undefined]);
  });
});

describe('the clock of a host', () => {
  it('runs nothing while its process is stopped, then what was due in order; what was cancelled meanwhile not', () => {
    const clock = new VirtualClock();
    const host = new HostClock(clock);
    const ran: string[] = [];
    host.at(5, () => ran.push('a'));
    host.at(7, () => ran.push('b'));
    const cancel = host.at(6, () => ran.push('cancelled'));
    host.stop();
    clock.run(10);
    expect(ran).toEqual([]);
    cancel();
    host.goOn();
    expect(ran).toEqual(['a', 'b']);
    host.stepWall(-3_600_000);
    expect(host.wallMs()).toBe(clock.wallMs() - 3_600_000);
  });
});

class Peer implements ConnectionHandler {
  readonly seen: string[] = [];
  onOpen(): void {
    this.seen.push('open');
  }
  onFrame(frame: Uint8Array): void {
    this.seen.push(`frame ${frame.at(-1)}`);
  }
  onFramesEnd(): void {}
  onBadBytes(): void {
    this.seen.push('bad');
  }
  onDrain(): void {
    this.seen.push('drain');
  }
  onClose(error: QanatError | undefined): void {
    this.seen.push(`close ${error?.code ?? 'clean'}`);
  }
}

/** A frame of the shape that a splitter cuts: a length, then so many bytes. */
const frame = (last: number, length = 16): Uint8Array => {
  const bytes = new Uint8Array(4 + length);
  new DataView(bytes.buffer).setUint32(0, length);
  bytes[bytes.length - 1] = last;
  return bytes;
};

function newLink(seed: number): {
  clock: VirtualClock;
  network: VirtualNetwork;
  client: Peer;
  server: Peer;
  connection: Connection;
  accepted: () => Connection;
} {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock, { latencyMs: 1, random: new Random(seed) });
  const server = new Peer();
  let accepted: Connection | undefined;
  network.transport('b').listen(
    'b:1',
    (connection) => {
      accepted = connection;
      return server;
    },
    () => {},
  );
  clock.run(1);
  const client = new Peer();
  const connection = network.transport('a').dial('b:1', client);
  clock.run(10);
  return { clock, network, client, server, connection, accepted: () => accepted as Connection };
}

describe('a bad network', () => {
  it('drops connections: of what was under way a beginning arrives, never a part of a frame, then the loss on both sides', () => {
    const counts = new Set<number>();
    for (let seed = 1; seed <= 40; seed++) {
      const { clock, network, client, server, connection } = newLink(seed);
      for (let i = 0; i < 5; i++) {
        connection.send([frame(i)]);
        connection.flush();
      }
      expect(network.reset('a', 'b')).toBe(1);
      clock.run(100);
      const frames = server.seen.filter((text) => text.startsWith('frame'));
      expect(frames).toEqual(frames.map((_, i) => `frame ${i}`));
      counts.add(frames.length);
      expect([server.seen.at(-1), client.seen.at(-1)]).toEqual(['close CONNECTION_LOST', 'close CONNECTION_LOST']);
    }
    expect([...counts].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('forgets connections: nothing arrives and nobody is told; a new one works', () => {
    const { clock, network, client, server, connection } = newLink(1);
    expect(network.mute('a', 'b')).toBe(1);
    connection.send([frame(1)]);
    connection.flush();
    clock.run(100_000);
    expect([client.seen, server.seen]).toEqual([['open'], []]);
    const again = new Peer();
    network.transport('a').dial('b:1', again);
    clock.run(100_100);
    expect(again.seen).toEqual(['open']);
  });

  it('loses diallings, which end by their time-out', () => {
    const { clock, network } = newLink(1);
    network.setConditions('a', 'b', { dialLossRate: 1 });
    const late = new Peer();
    network.transport('a').dial('b:1', late);
    clock.run(60_000);
    expect(late.seen).toEqual(['close CONNECTION_FAILED']);
  });

  it('lets frames of an old connection arrive after a new one was opened', () => {
    const { clock, network, server, connection } = newLink(1);
    network.setConditions('a', 'b', { spikeRate: 1, spikeMs: 1_000_000 });
    connection.send([frame(1)]);
    connection.flush();
    network.setConditions('a', 'b');
    const again = new Peer();
    network.transport('a').dial('b:1', again);
    clock.run(100);
    expect([again.seen, server.seen]).toEqual([['open'], []]);
    clock.run(2_000_000);
    expect(server.seen).toContain('frame 1');
  });

  it('is narrow: the sender is held back, and told when there is room', () => {
    const { clock, network, client, server, connection, accepted } = newLink(1);
    accepted().setFrameBytesMax(2_000_000);
    network.setConditions('a', 'b', { bytesPerMs: 100 });
    expect(connection.send([frame(9, 1_500_000)])).toBe(false);
    clock.run(10_000);
    expect(server.seen).toEqual([]);
    clock.run(20_000);
    expect([server.seen, client.seen]).toEqual([['frame 9'], ['open', 'drain']]);
  });
});

describe('a host that loses power without a word', () => {
  it('says nothing; when it is up again it denies the old connection to whoever sent meanwhile', () => {
    const { clock, network, client, connection } = newLink(1);
    network.fallSilent('b');
    connection.send([frame(1)]);
    connection.flush();
    const dialled = new Peer();
    network.transport('a').dial('b:1', dialled);
    clock.run(60_000);
    expect([client.seen, dialled.seen]).toEqual([['open'], ['close CONNECTION_FAILED']]);
    network.wakeUp('b');
    clock.run(60_010);
    expect(client.seen).toEqual(['open', 'close CONNECTION_LOST']);
  });
});

describe('a process that is stopped', () => {
  it('takes what waits when it goes on: connections, frames, then the loss', () => {
    const { clock, network, server, connection } = newLink(1);
    network.suspend('b');
    connection.send([frame(1)]);
    connection.flush();
    clock.run(50);
    const dialled = new Peer();
    network.transport('a').dial('b:1', dialled);
    clock.run(100);
    // The system takes the connection for it.
    expect([dialled.seen, server.seen]).toEqual([['open'], []]);
    network.resume('b');
    expect(server.seen).toEqual(['frame 1']);
  });
});

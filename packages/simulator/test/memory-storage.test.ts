import type { StorageDone } from '@qanat/core';
import { MemoryStorage, VirtualClock } from '@qanat/simulator';
import { describe, expect, it } from 'vitest';

describe('the memory storage', () => {
  it('takes its latencies, one request after the other on a file, files side by side', () => {
    const clock = new VirtualClock();
    const storage = new MemoryStorage(clock, { appendMs: 1, syncMs: 10, readMs: 3 });
    const ended: string[] = [];
    const note = (what: string) => (): void => void ended.push(`${what} ${clock.nowMs()}`);
    for (const name of ['a', 'b']) {
      storage.create(name, note(`create ${name}`));
      storage.append(name, [Uint8Array.of(1)], note(`append ${name}`));
      storage.sync(name, note(`sync ${name}`));
      storage.read(name, 0, 1, note(`read ${name}`));
    }
    clock.run(100);
    const each = ['create', 'append', 'sync', 'read'].map((what, i) => [what, [10, 11, 21, 24][i]] as const);
    expect(ended).toEqual(each.flatMap(([what, timeMs]) => [`${what} a ${timeMs}`, `${what} b ${timeMs}`]));
  });

  it('loses in a power cut what was not synced, a sync under way included, and ends nothing any more', () => {
    const clock = new VirtualClock();
    const storage = new MemoryStorage(clock, { syncMs: 10 });
    let ended = 0;
    const count: StorageDone<void> = () => {
      ended++;
    };
    storage.create('a', count);
    storage.append('a', [Uint8Array.of(1, 2)], count);
    storage.sync('a', count);
    clock.run(30);
    storage.append('a', [Uint8Array.of(3)], count);
    storage.sync('a', count);
    clock.run(35);
    expect([ended, storage.durableSize('a')]).toEqual([4, 2]);
    const next = storage.crash();
    clock.run(100);
    expect([ended, next.durableSize('a')]).toEqual([4, 2]);
    let read: number[] = [];
    next.read('a', 0, 9, (_error, bytes) => {
      read = [...bytes];
    });
    clock.run(101);
    expect(read).toEqual([1, 2]);
  });

  it('lets appends pass a sync beside, which covers what was there when it began, and nothing that takes bytes away', () => {
    const clock = new VirtualClock();
    const storage = new MemoryStorage(clock, { appendMs: 1, syncMs: 10 });
    const ended: string[] = [];
    const note = (what: string) => (): void => void ended.push(`${what} ${clock.nowMs()} ${storage.durableSize('a')}`);
    storage.create('a', note('create'));
    storage.append('a', [Uint8Array.of(1, 2)], note('append'));
    storage.sync('a', note('sync'), true);
    storage.append('a', [Uint8Array.of(3)], note('append'));
    clock.run(15);
    storage.truncate('a', 1, note('truncate'));
    clock.run(100);
    expect(ended).toEqual(['create 10 0', 'append 11 0', 'append 12 0', 'sync 21 2', 'truncate 31 1']);
  });

  it('keeps what was written when only the process is killed, and loses it when the power goes after that', () => {
    const clock = new VirtualClock();
    const storage = new MemoryStorage(clock);
    storage.create('a', () => undefined);
    storage.append('a', [Uint8Array.of(1, 2)], () => undefined);
    clock.run(1);
    const next = storage.kill();
    const sizeOf = (one: MemoryStorage): number | undefined => {
      let size: number | undefined;
      one.list((_error, files) => {
        size = files[0]?.size;
      });
      clock.run(clock.nowMs() + 1);
      return size;
    };
    expect(sizeOf(next)).toBe(2);
    expect(sizeOf(next.crash())).toBe(0);
  });
});

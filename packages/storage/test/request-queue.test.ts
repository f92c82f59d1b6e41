import { describe, expect, it } from 'vitest';
import { type Finish, RequestQueue } from '../src/request-queue.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function world(): {
  queue: RequestQueue;
  log: string[];
  start(what: string): (finish: Finish<void>) => void;
  finish(what: string): void;
} {
  const log: string[] = [];
  const running = new Map<string, Finish<void>>();
  return {
    queue: new RequestQueue(() => log.push('quiet')),
    log,
    start: (what) => (finish) => {
      log.push(`start ${what}`);
      running.set(what, finish);
    },
    finish: (what) => running.get(what)?.(null, undefined),
  };
}

describe('the requests on one file', () => {
  it('let what takes bytes away wait for the reads that are under way', async () => {
    const { queue, log, start, finish } = world();
    queue.addBeside(start('read'), () => log.push('end read'));
    queue.add(true, start('truncate'), () => log.push('end truncate'));
    expect([log, queue.mayShrink]).toEqual([['start read'], true]);
    finish('read');
    finish('truncate');
    await turn();
    expect(log).toEqual(['start read', 'start truncate', 'quiet', 'end read', 'end truncate']);
    expect([queue.isIdle, queue.mayShrink]).toEqual([true, false]);
  });

  it('let others pass a sync that nobody waits for, but for what takes bytes away', async () => {
    const { queue, log, start, finish } = world();
    queue.add(false, start('append'), () => log.push('end append'));
    queue.addPassed(start('sync'), () => log.push('end sync'));
    queue.add(false, start('append 2'), () => log.push('end append 2'));
    queue.add(true, start('truncate'), () => log.push('end truncate'));
    expect(log).toEqual(['start append']);
    finish('append');
    finish('append 2');
    await turn();
    expect(log).toEqual(['start append', 'start sync', 'start append 2', 'end append', 'end append 2']);
    expect(queue.isIdle).toBe(false);
    finish('sync');
    finish('truncate');
    await turn();
    expect(log.slice(5)).toEqual(['start truncate', 'quiet', 'end sync', 'end truncate']);
    expect(queue.isIdle).toBe(true);
  });

  it('run one by one, and end after a read that was asked for earlier', async () => {
    const { queue, log, start, finish } = world();
    queue.addBeside(start('read'), () => log.push('end read'));
    queue.add(false, start('append'), () => log.push('end append'));
    queue.add(false, start('sync'), () => log.push('end sync'));
    finish('append');
    await turn();
    expect(log).toEqual(['start read', 'start append', 'start sync']);
    finish('read');
    await turn();
    expect(log.slice(3)).toEqual(['end read', 'end append']);
    expect(queue.isIdle).toBe(false);
  });
});

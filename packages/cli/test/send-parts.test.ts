import { describe, expect, it } from 'vitest';
import { InFlight } from '../src/send/in-flight.ts';
import { Pacer } from '../src/send/pacer.ts';

describe('what is under way', () => {
  it('is bounded by bytes and by count, and everybody who waits is woken', async () => {
    const inFlight = new InFlight(100, 2);
    inFlight.begin(99);
    expect(inFlight.isFull).toBe(false);
    inFlight.begin(1);
    expect(inFlight.isFull).toBe(true);
    const woken: string[] = [];
    const waiting = [inFlight.room().then(() => woken.push('room')), inFlight.empty().then(() => woken.push('empty'))];
    inFlight.end(99);
    await waiting[0];
    expect(woken).toEqual(['room']);
    inFlight.end(1);
    await Promise.all(waiting);
    expect(woken).toEqual(['room', 'empty']);
  });

  it('lets one through that is larger than everything', async () => {
    const inFlight = new InFlight(10, 10);
    await inFlight.room();
    inFlight.begin(50);
    expect(inFlight.isFull).toBe(true);
    inFlight.end(50);
    await inFlight.empty();
  });
});

describe('a pace', () => {
  it('waits no longer when the command is stopped', async () => {
    const controller = new AbortController();
    const pacer = new Pacer(0.001, controller.signal);
    await pacer.turn(1);
    const turn = pacer.turn(1);
    controller.abort(new Error('stop'));
    await expect(turn).rejects.toThrow('stop');
  });
});

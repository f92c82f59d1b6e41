import { AWAY_AFTER_MS, Silence, Timers } from '@qanat/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('timers of an engine', () => {
  it('run in the order of their times, then in the order in which they were set', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { size: 'max', maxLength: 300 }), (times) => {
        const timers = new Timers();
        const ran: number[] = [];
        times.forEach((ms, i) => {
          timers.at(ms, () => ran.push(i));
        });
        for (let now = 0; now <= 50; now++) timers.tick(now);
        const expected = times.map((ms, i) => ({ ms, i })).sort((a, b) => a.ms - b.ms || a.i - b.i);
        expect(ran).toEqual(expected.map(({ i }) => i));
        expect(timers.nextDeadlineMs()).toBeUndefined();
      }),
    );
  });

  it('that set themselves for now again and again are a defect, not a process that hangs; late ones of a long pause are none', () => {
    const timers = new Timers();
    const again = (): void => void timers.at(5, again);
    timers.at(5, again);
    expect(() => timers.tick(5)).toThrow('always one more is due at once');
    const late = new Timers();
    let ran = 0;
    const periodic = (dueMs: number): void => {
      ran++;
      late.at(dueMs + 1_000, () => periodic(dueMs + 1_000));
    };
    periodic(0);
    late.tick(24 * 3_600_000);
    expect(ran).toBe(86_401);
  });

  it('that were cancelled do not run and are no deadline', () => {
    const timers = new Timers();
    const ran: string[] = [];
    timers.at(1, () => ran.push('cancelled')).cancel();
    timers.at(2, () => ran.push('kept'));
    expect(timers.nextDeadlineMs()).toBe(2);
    timers.tick(10);
    expect(ran).toEqual(['kept']);
  });

  it('that wait for a peer move by as much as we were away; our own do not', () => {
    const timers = new Timers();
    const ran: string[] = [];
    timers.at(1_000, () => ran.push('own'));
    timers.at(5_000, () => ran.push('peer'), { forPeer: true });
    const awayMs = 60_000;
    timers.tick(1_000 + awayMs);
    expect(ran).toEqual(['own']);
    expect(timers.nextDeadlineMs()).toBe(5_000 + awayMs);
    timers.tick(5_000 + awayMs + AWAY_AFTER_MS);
    expect(ran).toEqual(['own', 'peer']);
  });

  it('that look whether a peer was heard since find its deadline moved as theirs is [QNT-KAL-007]', () => {
    const timers = new Timers();
    const silence = new Silence(timers, 0);
    timers.at(1_000, () => {});
    silence.heard(900);
    expect(silence.endsMs(5_000)).toBe(5_900);
    timers.tick(1_000 + AWAY_AFTER_MS);
    expect(silence.endsMs(5_000)).toBe(5_900);
    timers.at(3_000, () => {});
    timers.tick(63_000);
    expect(silence.endsMs(5_000)).toBe(65_900);
    // It would be over already, or nearly: it is not before what waits was read.
    expect(silence.endsMs(2_500)).toBe(63_000 + AWAY_AFTER_MS);
    silence.heard(63_001);
    expect(silence.endsMs(2_500)).toBe(65_501);
  });
});

import { Trace, VirtualClock } from '@qanat/simulator';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('the virtual clock', () => {
  it('runs events by time, and those of one instant in the order in which they were set', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 200, size: 'max' }), (times) => {
        const clock = new VirtualClock();
        const ran: { timeMs: number; i: number }[] = [];
        times.forEach((timeMs, i) => {
          clock.at(timeMs, () => {
            expect(clock.nowMs()).toBe(timeMs);
            ran.push({ timeMs, i });
          });
        });
        clock.run(30);
        expect(ran).toEqual(times.map((timeMs, i) => ({ timeMs, i })).sort((a, b) => a.timeMs - b.timeMs || a.i - b.i));
        expect(clock.nowMs()).toBe(30);
      }),
    );
  });

  it('ends a run in which time stands still, and no other one', () => {
    const clock = new VirtualClock();
    const again = (): void => void clock.at(clock.nowMs(), again);
    for (let i = 0; i < 300_000; i++) clock.at(i / 10, () => {});
    clock.run(30_000);
    clock.at(30_001, again);
    expect(() => clock.run(30_002)).toThrow('time stands still at 30001 ms');
  });

  it('does not run what was cancelled, and runs what events add', () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    const cancel = clock.at(1, () => ran.push('cancelled'));
    clock.at(0, () => {
      cancel();
      clock.at(0, () => ran.push('now'));
      clock.at(-5, () => ran.push('in the past: now'));
      clock.at(3, () => ran.push('later'));
    });
    clock.run(2);
    expect(ran).toEqual(['now', 'in the past: now']);
    expect(clock.nextMs()).toBe(3);
    expect(clock.runNext()).toBe(true);
    expect(clock.runNext()).toBe(false);
    expect(ran.at(-1)).toBe('later');
  });

  it('runs until a condition holds, or the time is over', () => {
    const clock = new VirtualClock();
    let count = 0;
    const tick = (): void => {
      count++;
      clock.at(clock.nowMs() + 10, tick);
    };
    tick();
    expect(clock.runUntil(() => count === 4, 1_000)).toBe(true);
    expect(clock.nowMs()).toBe(30);
    expect(clock.runUntil(() => count === 400, 1_000)).toBe(false);
    expect(clock.nowMs()).toBe(1_000);
  });

  it('steps the wall clock alone, and runs late what was due in a pause', () => {
    const clock = new VirtualClock({ startMs: 5, wallOffsetMs: 1_000 });
    clock.stepWall(-300);
    expect([clock.nowMs(), clock.wallMs()]).toEqual([5, 705]);
    let ranMs = 0;
    clock.at(10, () => {
      ranMs = clock.nowMs();
    });
    clock.pause(100);
    clock.run(105);
    expect(ranMs).toBe(105);
  });
});

describe('a trace', () => {
  it('has the same hash for the same lines, and another one for any other', () => {
    const hashOf = (...lines: string[]): string => {
      const trace = new Trace();
      lines.forEach((line, i) => trace.add(i, line));
      return trace.hash();
    };
    expect(hashOf('a', 'b')).toBe(hashOf('a', 'b'));
    expect(new Set([hashOf(), hashOf('a'), hashOf('b'), hashOf('a', 'b'), hashOf('b', 'a'), hashOf('ab')]).size).toBe(6);
    expect(hashOf('a')).toMatch(/^[0-9a-f]{16}$/);
  });

  it('keeps the last lines, and counts and hashes all', () => {
    const trace = new Trace(3);
    const whole = new Trace();
    for (let i = 0; i < 20; i++) for (const one of [trace, whole]) one.add(i, `line ${i}`);
    expect(trace.lines).toEqual(['17.000 line 17', '18.000 line 18', '19.000 line 19']);
    expect(trace.count).toBe(20);
    expect(trace.hash()).toBe(whole.hash());
  });
});

import { describe, expect, it } from 'vitest';
import type { Program, Step } from '../../src/play/program.ts';
import { shrinkProgram } from '../../src/run/shrink.ts';

const program = (...steps: Step[]): Program => ({ family: 'f', role: 'broker', name: 'p', setup: { a: 1 }, steps });
const noise = (count: number): Step[] => Array.from({ length: count }, (_, i) => ({ op: 'noise', i }));

/** Shrinks, and counts what it asked. */
async function shrunk(from: Program, fails: (steps: readonly Step[]) => boolean, runsMax = 1_000) {
  const asked: (readonly Step[])[] = [];
  const result = await shrinkProgram(
    from,
    async ({ steps }) => {
      asked.push(steps);
      return fails(steps);
    },
    { runsMax },
  );
  return { ...result, asked };
}

const has = (steps: readonly Step[], op: string): boolean => steps.some((step) => step.op === op);

describe('shrinking', () => {
  it('leaves only the steps that the failure needs, wherever they are', async () => {
    for (const at of [0, 1, 7, 15]) {
      const steps = noise(16);
      steps.splice(at, 0, { op: 'first' });
      steps.push({ op: 'second' });
      const { program: least } = await shrunk(program(...steps), (some) => has(some, 'first') && has(some, 'second'));
      expect(least.steps).toEqual([{ op: 'first' }, { op: 'second' }]);
    }
  });

  it('leaves fields out, and makes numbers, lists and objects smaller to the least', async () => {
    const step = { op: 'send', count: 800, keep: true, list: [1, 2, 3, 4], deep: { a: 1, b: [{ c: 40 }, 5], d: 2 } };
    const fails = (steps: readonly Step[]): boolean =>
      steps.some(
        ({ count, list, deep }) => Number(count) >= 3 && Array.isArray(list) && JSON.stringify(deep ?? '').includes('c'),
      );
    const { program: least } = await shrunk(program(step), fails);
    expect(least.steps).toEqual([{ op: 'send', count: 3, list: [], deep: { b: [{ c: 1 }] } }]);
  });

  it('leaves nothing where everything fails, and all where nothing smaller does', async () => {
    expect((await shrunk(program(...noise(9)), () => true)).program.steps).toEqual([]);
    const whole = program(...noise(3));
    expect((await shrunk(whole, () => false)).program).toEqual(whole);
  });

  it('keeps what stands beside the steps', async () => {
    const { program: least } = await shrunk(program(...noise(4)), () => true);
    expect(least).toEqual({ ...program(), steps: [] });
  });

  it('asks no oftener than it may, and tells how often it asked', async () => {
    const { runs, asked, program: least } = await shrunk(program(...noise(40)), (steps) => has(steps, 'noise'), 7);
    expect([runs, asked.length]).toEqual([7, 7]);
    expect(least.steps.length).toBeLessThan(40);
    expect((await shrunk(program(...noise(4)), () => true, 0)).asked).toEqual([]);
  });

  it('ends when it may not go on', async () => {
    let left = 3;
    const { runs } = await shrinkProgram(program(...noise(40)), async () => false, { runsMax: 100, goOn: () => left-- > 0 });
    expect(runs).toBe(3);
  });
});

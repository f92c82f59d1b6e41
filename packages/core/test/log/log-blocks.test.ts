import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BegunTurn } from '../../src/broker/log/loans.ts';
import { LogBlocks } from '../../src/broker/log/log-blocks.ts';

const BLOCK = 16;

/** A cache of two blocks in which `count` blocks were written and applied. */
function written(count: number): LogBlocks {
  const blocks = new LogBlocks(BLOCK, 2 * BLOCK);
  for (let i = 0; i < count; i++) write(blocks, i);
  return blocks;
}

function write(blocks: LogBlocks, block: number): void {
  blocks.write(0, block * BLOCK, new Uint8Array(BLOCK).fill(block + 1));
  blocks.pinFrom((block + 1) * BLOCK);
}

const memoryOf = (blocks: LogBlocks, block: number): ArrayBufferLike | undefined => blocks.block(block * BLOCK)?.buffer;

describe('the blocks of the log', () => {
  it('use the memory of a dropped block again once a turn has ended since somebody read it', () => {
    const blocks = written(2);
    const before = [memoryOf(blocks, 0), memoryOf(blocks, 1)];
    blocks.loans.nextTurn();
    for (let i = 2; i < 5; i++) write(blocks, i);
    expect([blocks.has(0), blocks.has(BLOCK)]).toEqual([false, false]);
    expect(before).toContain(memoryOf(blocks, 4));
  });

  it('leave the memory alone in the turn in which it was read, and without turns for ever', () => {
    const blocks = written(2);
    const slice = blocks.block(0);
    for (let i = 2; i < 10; i++) write(blocks, i);
    expect(slice).toEqual(new Uint8Array(BLOCK).fill(1));
  });

  it('leave the memory alone while a reader needs several turns, and in the turn in which it ends', () => {
    const blocks = written(2);
    const begun = blocks.loans.begin();
    blocks.loans.nextTurn();
    const slice = blocks.block(0);
    for (let i = 2; i < 6; i++) {
      blocks.loans.nextTurn();
      write(blocks, i);
    }
    blocks.loans.end(begun);
    for (let i = 6; i < 9; i++) write(blocks, i);
    expect(slice).toEqual(new Uint8Array(BLOCK).fill(1));
  });

  it('never change what a reader has, whatever the order of reads, writes and turns', () => {
    type Step = 'write' | 'turn' | 'begin' | 'read' | 'end';
    const steps = fc.array(fc.constantFrom<Step>('write', 'turn', 'begin', 'read', 'end'), { maxLength: 200, size: 'max' });
    fc.assert(
      fc.property(steps, fc.infiniteStream(fc.nat(5)), (list, draw) => {
        const blocks = written(2);
        let next = 2;
        // What a reader got holds until the turn ends in which it ended.
        const readers: { begun: BegunTurn; slices: { bytes: Uint8Array; fill: number }[]; ended: boolean }[] = [];
        const pick = (): number => draw.next().value as number;
        for (const step of list) {
          if (step === 'write') write(blocks, next++);
          else if (step === 'begin') readers.push({ begun: blocks.loans.begin(), slices: [], ended: false });
          else if (step === 'turn') {
            blocks.loans.nextTurn();
            readers.splice(0, readers.length, ...readers.filter(({ ended }) => !ended));
          } else {
            const reader = readers[pick() % Math.max(1, readers.length)];
            if (reader === undefined || reader.ended) continue;
            const block = Math.max(0, next - 1 - pick());
            const bytes = step === 'read' ? blocks.block(block * BLOCK) : undefined;
            if (bytes !== undefined) reader.slices.push({ bytes, fill: block + 1 });
            if (step === 'end') {
              blocks.loans.end(reader.begun);
              reader.ended = true;
            }
          }
          for (const { slices } of readers) for (const { bytes, fill } of slices) expect(bytes[0]).toBe(fill & 0xff);
        }
      }),
      { numRuns: 300 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSpan } from '../src/output/figures.ts';
import { formatQueues } from '../src/output/queue-list.ts';
import { formatTable, textWidth } from '../src/output/table.ts';

interface Row {
  readonly name: string;
  readonly count: number | undefined;
}

const columns = [
  { title: 'name', cell: (row: Row) => row.name },
  { title: 'count', cell: (row: Row) => row.count, align: 'right' as const },
];

describe('a table', () => {
  it('has titles in capitals, numbers at the right, a dash for nothing, and no blanks at the end', () => {
    const rows = [
      { name: 'orders', count: 12_345 },
      { name: 'x', count: undefined },
    ];
    expect(formatTable(columns, rows)).toBe('NAME    COUNT\norders  12345\nx           -\n');
  });

  it('keeps columns under each other with wide characters', () => {
    const rows = [
      { name: '注文', count: 1 },
      { name: 'ab', count: 2 },
    ];
    expect(formatTable(columns, rows)).toBe('NAME  COUNT\n注文      1\nab        2\n');
    expect(textWidth('é😀')).toBe(3);
  });

  it('shows control characters instead of obeying them [QNT-SEC-005]', () => {
    expect(formatTable(columns, [{ name: 'a\u001b[31m\nb', count: 0 }])).toContain('a\\u001b[31m\\u000ab');
  });

  it('has as many lines as rows and one more, and all are as wide as the widest where the last column is at the right', () => {
    const row = fc.record({ name: fc.string({ unit: 'grapheme-ascii' }), count: fc.nat() });
    fc.assert(
      fc.property(fc.array(row), (rows) => {
        const lines = formatTable(columns, rows).split('\n').slice(0, -1);
        expect(lines).toHaveLength(rows.length + 1);
        expect(new Set(lines.map((line) => textWidth(line))).size).toBe(1);
      }),
    );
  });
});

describe('figures', () => {
  it('joins neighbouring queues', () => {
    const queue = (broker: string, number: number) => ({ topic: 't', broker, queue: number });
    expect(formatQueues([queue('b', 1), queue('a', 0), queue('a', 2), queue('a', 1), queue('b', 3)])).toBe('a/0..2 b/1,3');
    expect(formatQueues([queue('a', 0), { topic: 'u', broker: 'a', queue: 0 }])).toBe('t a/0 u a/0');
  });

  it('tells spans of time in two units at most', () => {
    expect([3, 1_400, 125_000, 12_000_000].map(formatSpan)).toEqual(['3 ms', '1.4 s', '2 min 5 s', '3 h 20 min']);
  });
});

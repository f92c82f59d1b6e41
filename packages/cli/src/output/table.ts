import { safeText } from './safe-text.ts';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string | number | undefined;
  /** Default: left. */
  readonly align?: 'left' | 'right';
}

/** Characters that take two columns of a terminal: East Asian wide ones and emoji. */
const WIDE = new RegExp(
  `[${[
    '\\u1100-\\u115f\\u2e80-\\u303e\\u3041-\\u33ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\ua000-\\ua4cf\\uac00-\\ud7a3',
    '\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff00-\\uff60\\uffe0-\\uffe6',
    '\\u{1f300}-\\u{1f64f}\\u{1f900}-\\u{1f9ff}\\u{20000}-\\u{3fffd}',
  ].join('')}]`,
  'u',
);
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** How many columns of a terminal the text takes. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) if (!NO_WIDTH.test(character)) width += WIDE.test(character) ? 2 : 1;
  return width;
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const blanks = ' '.repeat(width - textWidth(text));
  return align === 'right' ? blanks + text : text + blanks;
}

/** A table without borders: titles in capitals, one row a line, two blanks between the columns; `-` stands for nothing. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [
    columns.map(({ title }) => title.toUpperCase()),
    ...rows.map((row) => columns.map(({ cell }) => safeText(String(cell(row) ?? '-')) || '-')),
  ];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => textWidth(line[i] ?? ''))));
  return lines
    .map((line) => {
      const cells = line.map((cell, i) => pad(cell, widths[i] ?? 0, columns[i]?.align ?? 'left'));
      return `${cells.join('  ').trimEnd()}\n`;
    })
    .join('');
}

const COUNT = new Intl.NumberFormat('en-US');

/** 12480 → `12,480`. For prose; tables and JSON have plain numbers. */
export const formatCount = (count: number): string => COUNT.format(Math.round(count));

/** `1 message`, `2 messages`, `12,480 messages`. */
export const formatAmount = (count: number, noun: string): string => `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;

/** A span of time for people: `3 ms`, `1.4 s`, `12 min 5 s`, `3 h 20 min`. */
export function formatSpan(spanMs: number): string {
  if (spanMs < 1_000) return `${Math.round(spanMs)} ms`;
  if (spanMs < 60_000) return `${(spanMs / 1_000).toFixed(1)} s`;
  const seconds = Math.round(spanMs / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

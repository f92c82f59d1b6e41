/** A time as programs read it; null where there is none. */
export function isoTime(timeMs: number | undefined): string | null {
  if (timeMs === undefined) return null;
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** The document that a command prints for `-o json`: indented on a terminal, one line for programs. */
export function formatDocument(value: unknown, isTerminal: boolean): string {
  return `${JSON.stringify(value, undefined, isTerminal ? 2 : undefined)}\n`;
}

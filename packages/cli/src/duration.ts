const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const PART = /(\d+(?:\.\d+)?)(ms|min|s|m|h|d|w)/y;

/** `500ms`, `30s`, `1h30m`, `7d`; a bare number is seconds. Undefined when it is none of these. */
export function parseDuration(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  let totalMs = 0;
  PART.lastIndex = 0;
  let at = 0;
  while (at < text.length) {
    const match = PART.exec(text);
    if (match === null) return undefined;
    totalMs += Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0);
    at = PART.lastIndex;
  }
  return at === 0 ? undefined : totalMs;
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1_000,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};
const RATE = /^(\d+(?:\.\d+)?)(B|kB|KB|MB|GB|KiB|MiB|GiB)?(?:\/s)?$/;

/** `50MB`, `64MiB/s`, `1.5GB`; a bare number is bytes in a second. Undefined when it is none of these. */
export function parseByteRate(text: string): number | undefined {
  const [, amount, unit = 'B'] = RATE.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * (UNIT_BYTES[unit] as number);
}

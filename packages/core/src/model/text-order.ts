const FIRST_SURROGATE = 0xd800;
const BEHIND_SURROGATES = 0xe000;
/** Moves surrogates, which stand for code points above U+FFFF, behind all other units. */
const LIFT = 0x2800;

const rank = (unit: number): number => (unit >= FIRST_SURROGATE && unit < BEHIND_SURROGATES ? unit + LIFT : unit);

/**
 * The order of texts wherever the specification says *sorted*: by their UTF-8 bytes, which is by their code points. JavaScript's
 * own `<` compares UTF-16 units and puts U+1F600 before U+FFFD. @returns below 0 when `a` comes first, 0 when they are the same.
 */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const unit = a.charCodeAt(i);
    const other = b.charCodeAt(i);
    if (unit !== other) return rank(unit) - rank(other);
  }
  return a.length - b.length;
}

import { mayMeet } from '../filters/topic-filter.ts';
import { type CompiledRule, refuseRule } from './compiled-rule.ts';

const wildInFront = (filter: string): boolean => /^[+#]/.test(filter);

/** Whether a filter selects every topic that another one selects. */
export function covers(wide: string, narrow: string): boolean {
  if (narrow.startsWith('$') && wildInFront(wide)) return false;
  // A topic has one level at least.
  const a = (wide === '+/#' ? '#' : wide).split('/');
  const b = narrow.split('/');
  for (let i = 0; ; i++) {
    if (a[i] === '#') return true;
    if (b[i] === '#') return false;
    if (a[i] === undefined || b[i] === undefined) return a[i] === b[i];
    if (a[i] !== '+' && a[i] !== b[i]) return false;
  }
}

/** The filter of the topics that both filters select; they may meet. */
export function meetOf(one: string, other: string): string {
  const a = one.split('/');
  const b = other.split('/');
  const levels: string[] = [];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (a[i] === '#') return [...levels, ...b.slice(i)].join('/');
    if (b[i] === '#') return [...levels, ...a.slice(i)].join('/');
    levels.push((a[i] === '+' ? b[i] : a[i]) as string);
  }
  return levels.join('/');
}

/**
 * Refuses rules that cannot mean what they say: one that never wins, and two of which the order decides by accident what becomes
 * of the topics that both select.
 *
 * @throws QanatError BAD_CONFIG.
 */
export function lintRules(rules: readonly CompiledRule[]): void {
  rules.forEach((rule, i) => {
    const before = rules.slice(0, i);
    const cover = before.find(({ filter }) => covers(filter, rule.filter));
    if (cover !== undefined)
      refuseRule(rule.label, `never wins: ${cover.label} selects all of its topics first`, 'move it in front, or take it out');
    for (const earlier of before) refuseOverlap(earlier, rule, before);
  });
}

function refuseOverlap(earlier: CompiledRule, later: CompiledRule, before: readonly CompiledRule[]): void {
  // A narrow rule in front of a wide one is how exceptions are written.
  if (!mayMeet(earlier.filter, later.filter) || covers(later.filter, earlier.filter)) return;
  const both = meetOf(earlier.filter, later.filter);
  if (before.some((rule) => rule.index < earlier.index && covers(rule.filter, both))) return;
  refuseRule(
    later.label,
    `overlaps ${earlier.label}: both select ${both}, and neither all that the other does`,
    `put a rule for ${both} in front of both, or make one of them narrower`,
  );
}

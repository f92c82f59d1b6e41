import { countOf, type Result } from '../run/result.ts';

const COLOURS = {
  conformant: 'brightgreen',
  nonconformant: 'red',
  inconclusive: 'yellow',
  harness: 'lightgrey',
  incomplete: 'lightgrey',
} as const;

/** A badge, in the form that shields.io reads. */
export function badgeReport(result: Result): string {
  const passed = countOf(result, 'pass');
  const bad = countOf(result, 'fail') + countOf(result, 'stale');
  const message =
    bad > 0 ? `${bad} of ${passed + bad} clauses fail` : result.settled === 'conformant' ? `${passed} clauses` : result.settled;
  return `${JSON.stringify({ schemaVersion: 1, label: `qanat ${result.spec} ${result.role}`, message, color: COLOURS[result.settled] })}\n`;
}

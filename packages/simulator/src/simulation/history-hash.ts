import type { HistoryEvent } from '../history/index.ts';
import { RunHash } from '../run-hash.ts';

/** A cheap witness of a run: what happened when. Two runs of one seed have the same, or something is not determined. */
export function hashOfHistory(events: readonly HistoryEvent[], counts: readonly number[]): string {
  const hash = new RunHash();
  for (const event of events) {
    hash.number(event.atMs);
    hash.text(event.kind);
    if ('offset' in event && event.offset !== undefined) hash.number(event.offset);
    if ('value' in event && event.value !== undefined) hash.text(event.value);
  }
  for (const count of counts) hash.number(count);
  return hash.digits();
}

import type { Header } from '../../history/view.ts';
import type { Act, Span } from './acts.ts';
import type { KnownBroker, KnownGroup } from './known.ts';
import type { Range } from './queue-model.ts';
import type { Life } from './topic-model.ts';

/** Whether a group has an offset in a queue, and between which numbers it lies. */
export interface Committed extends Range {
  readonly has: boolean | undefined;
}

interface Place {
  readonly model: KnownBroker;
  readonly group: KnownGroup;
  readonly life: Life;
  readonly queue: number;
  readonly isFree: boolean;
}

/** Something that may have written the offset of one queue. */
interface OffsetWrite extends Span {
  readonly how: 'commit' | 'reset';
  readonly offset: number;
  readonly sure: boolean;
}

const COMMITS = new Set(['OFFSET_COMMIT', 'RELEASE', 'LEAVE']);

export function committedOf(place: Place, span: Span): Committed | undefined {
  const writes = place.group.acts.flatMap((act) => writesOf(place, act));
  const begun = [...writes, ...firstOffsets(place)].filter(({ from }) => from < span.to);
  return place.isFree ? lastWins(begun, span) : highestWins(place, begun, span);
}

/** What one request writes to the queue. */
function writesOf({ model, life, queue }: Place, act: Act): readonly OffsetWrite[] {
  const { name, header, done, answer, from, to } = act;
  if (done === 'no' || from > life.removed.to || to < life.made.from) return [];
  const isCertain = model.topic(life.topic, act) === life;
  const isHere = (one: Header): boolean => one.topic === life.topic && one.queue === queue;
  if (COMMITS.has(name)) {
    const items: readonly Header[] = header.offsets.filter(isHere);
    const failed = done === 'yes' ? answer.results.filter((one: Header) => isHere(one) && one.code !== 0).length : 0;
    if (failed >= items.length) return [];
    // Which of two for one queue was taken is not told.
    const sure = done === 'yes' && isCertain && items.length === 1;
    return items.map(({ offset }) => ({ how: 'commit', from, to, offset, sure }));
  }
  if (name !== 'GROUP_RESET' || header.dryRun) return [];
  if (done === 'maybe') return [{ how: 'reset', from, to, offset: 0, sure: false }];
  const moved: readonly Header[] = answer.results.filter((one: Header) => isHere(one) && one.code === 0);
  return moved.map(({ toOffset }) => ({ how: 'reset', from, to, offset: toOffset, sure: isCertain && moved.length === 1 }));
}

/** A lease begins at the committed offset: the broker has written it before, where nobody else had. */
function firstOffsets({ model, group, life, queue }: Place): readonly OffsetWrite[] {
  const { view } = model;
  return group.leasesAt(life.topic, queue).flatMap(({ toldAt, toldMs, startOffset }): readonly OffsetWrite[] => {
    if (toldAt < life.made.from || toldAt > life.removed.to) return [];
    const resets = group.acts.filter(({ name, header, done }) => name === 'GROUP_RESET' && !header.dryRun && done !== 'no');
    // The news of a lease may be older than the answer to the reset that ended it.
    const isFresh = resets.every((act) => act.from > toldAt || (view.events[act.to]?.atMs ?? toldMs) + view.slackMs < toldMs);
    const sure = isFresh && !life.queue(queue).drops && toldAt > life.made.to && toldAt < life.removed.from;
    return [{ how: 'commit', from: toldAt - 1, to: toldAt, offset: startOffset, sure }];
  });
}

/** In a free group. */
function lastWins(begun: readonly OffsetWrite[], { from }: Span): Committed | undefined {
  const over = begun.filter((write) => write.sure && write.to < from);
  const last = over.reduce<OffsetWrite | undefined>(
    (best, write) => (best === undefined || write.to > best.to ? write : best),
    undefined,
  );
  if (last === undefined) return begun.length === 0 ? { has: false, least: 0, most: 0 } : undefined;
  const candidates = begun.filter((write) => write === last || write.to > last.from).map(({ offset }) => offset);
  if (begun.some((write) => !write.sure && write.how === 'reset')) return undefined;
  return { has: true, least: Math.min(...candidates), most: Math.max(...candidates) };
}

/** In an assigned group: offsets grow but for resets. */
function highestWins(place: Place, begun: readonly OffsetWrite[], span: Span): Committed | undefined {
  const resets = begun.filter(({ how }) => how === 'reset');
  const reset = resets.findLast((write) => write.sure && write.to < span.from);
  const since = reset?.from ?? -1;
  if (resets.some((write) => write !== reset && write.to > since)) return undefined;
  const commits = begun.filter((write) => write.how === 'commit' && write.to > since);
  const base = reset === undefined ? [] : [reset];
  const sure = [...base, ...commits.filter((write) => write.sure && write.to < span.from && write.from > (reset?.to ?? -1))];
  const isOpen = sure.length === 0 && mayHaveFirst(place, span);
  const most = isOpen || mayRaise(place, sure, span) ? place.life.queue(place.queue).highWatermark(span).most : 0;
  const least = Math.max(0, ...sure.map(({ offset }) => offset));
  const has = sure.length > 0 ? true : commits.length > 0 || isOpen ? undefined : false;
  return { has, least, most: Math.max(least, most, ...commits.map(({ offset }) => offset)) };
}

/** A lease that was not told yet may have decided where the group begins. */
const subscribersOf = ({ group, life }: Place, { to }: Span): readonly Act[] =>
  group.subscribers.filter(
    ({ from, header }) => from < to && header.subscription.topics.some((one: Header) => one.topic === life.topic),
  );

const mayHaveFirst = (place: Place, span: Span): boolean => subscribersOf(place, span).length > 0;

/** The same, beside a commit that came at about the same time: either may have been first. */
const mayRaise = (place: Place, sure: readonly OffsetWrite[], span: Span): boolean =>
  subscribersOf(place, span).some(
    (act) => !sure.some((write) => write.to < act.from || write.how === 'reset' || write.from >= act.from),
  );

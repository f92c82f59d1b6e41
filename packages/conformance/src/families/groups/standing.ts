import type { Facts, GroupFacts } from './facts.ts';
import { type Beat, type Give, NEVER } from './told.ts';
import type { Change } from './topics.ts';

/** What is certain of a member at a place of the history. */
export type Standing = 'alive' | 'gone' | 'unsure';

/** Whether a broker that keeps the rules has to take a member for alive, or for gone. */
export function standingAt(group: GroupFacts, member: string, index: number): Standing {
  const { facts } = group;
  const life = facts.lifeAt(index);
  const ms = facts.msAt(index);
  if (index > life.to || index > life.stopping) return 'unsure';
  const beats = group.beatsOf(member).filter((beat) => beat.life === life.number && beat.at < index && beat.counts);
  if (beats.length === 0) return standingUnheard(group, member, index);
  const leaves = group.gives.filter((give) => give.kind === 'LEAVE' && give.member === member && give.at < index);
  if (beats.every((beat) => isOver(facts, beat, leaves, index, ms))) return 'gone';
  return isAlive(facts, beats, leaves, index, ms) ? 'alive' : 'unsure';
}

/** Who was not heard since a restart may be there by its leases, for a session's time. */
function standingUnheard(group: GroupFacts, member: string, index: number): Standing {
  const { facts } = group;
  const life = facts.lifeAt(index);
  const mayHold = life.number > 0 && group.beatsOf(member).some((beat) => beat.life < life.number && beat.counts);
  if (!mayHold) return 'gone';
  return facts.timed && facts.msAt(index) > life.fromMs + facts.settings.sessionMs + facts.view.slackMs ? 'gone' : 'unsure';
}

/** When its connection was lost, as far as the kit saw. */
const lostMs = ({ exchange: { connection } }: Beat, index: number): number =>
  connection.closedIndex <= index ? (connection.closed?.atMs ?? NEVER) : NEVER;

/** Nothing of this heartbeat can keep the member alive at this place. */
function isOver(facts: Facts, beat: Beat, leaves: readonly Give[], index: number, ms: number): boolean {
  const left = leaves.some((leave) => leave.done && leave.answeredAt < index && leave.at > beat.answeredAt);
  if (left) return true;
  if (!facts.timed) return false;
  const { slackMs } = facts.view;
  return ms > beat.answeredMs + beat.sessionMs + slackMs || ms > lostMs(beat, index) + facts.settings.lostMs + slackMs;
}

function isAlive(facts: Facts, beats: readonly Beat[], leaves: readonly Give[], index: number, ms: number): boolean {
  const heard = beats.filter((beat) => beat.accepted && beat.answeredAt < index);
  const last = heard.at(-1);
  if (last === undefined || !facts.timed) return false;
  if (leaves.some(({ at, answeredAt }) => at > last.at || answeredAt > last.at)) return false;
  const later = beats.filter(({ at }) => at >= last.at);
  const sessionMs = Math.min(...later.map((beat) => beat.sessionMs));
  // A later heartbeat without an answer may have moved the member to another connection, which may be lost already.
  return later.every(
    (beat) => ms < last.sentMs + sessionMs && ms < lostMs(beat, index) + facts.settings.lostMs - facts.view.slackMs,
  );
}

/** When members of a group came, changed, or went by silence or a lost connection, or may have. */
export function memberChanges(group: GroupFacts): Change[] {
  return [...group.byMember.values()].flatMap((beats) =>
    beats.flatMap((beat, i) => changesBy(group, beat, beats[i - 1], beats[i + 1])),
  );
}

function changesBy(group: GroupFacts, beat: Beat, before: Beat | undefined, next: Beat | undefined): Change[] {
  const { facts } = group;
  const changes: Change[] = [];
  const arrival = { fromMs: beat.sentMs, toMs: beat.answeredMs, at: beat.at };
  const isSame = before?.accepted === true && beat.accepted && before.label === beat.label && before.life === beat.life;
  const saysSame = beat.subscription === undefined || JSON.stringify(beat.subscription) === JSON.stringify(before?.subscription);
  if (!isSame || !saysSame || standingAt(group, beat.member, beat.at) !== 'alive') changes.push(arrival);
  if (!beat.counts) return changes;
  const { slackMs } = facts.view;
  const nextMs = next?.accepted === true ? next.answeredMs : NEVER;
  const silentMs = beat.sentMs + beat.sessionMs;
  if (nextMs > silentMs) changes.push({ fromMs: silentMs, toMs: beat.answeredMs + beat.sessionMs + slackMs, at: beat.at });
  const closedMs = beat.exchange.connection.closed?.atMs ?? NEVER;
  const goneMs = closedMs + facts.settings.lostMs;
  if (nextMs > goneMs - slackMs && goneMs < NEVER)
    changes.push({ fromMs: goneMs - slackMs, toMs: goneMs + slackMs, at: beat.at });
  return changes;
}

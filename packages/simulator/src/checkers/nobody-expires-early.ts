import type { EventOf } from '../history/index.ts';
import type { Checker } from './checker.ts';
import type { Facts } from './facts.ts';

/** What rounding may take. */
const GRAIN_MS = 1;
/**
 * Who wakes up later than this after a deadline moves all that it keeps for peers, and gives each at least as much from then
 * on.
 */
const AWAY_AFTER_MS = 1_000;

export const nobodyExpiresEarly: Checker = {
  name: 'nobody-expires-early',
  rule: 'a server gives a member or broker up only after the silence that it allows, and not as soon as it wakes from a sleep of its own',
  begin: (facts, report) => ({
    see(event) {
      if (event.kind !== 'expired' || event.heardAtMs === undefined) return;
      const { node, who, heardAtMs, allowedMs, lostAtMs = Number.POSITIVE_INFINITY, lostAllowedMs, atMs } = event;
      if (atMs < Math.min(heardAtMs + allowedMs, lostAtMs + lostAllowedMs) - GRAIN_MS)
        report(`${node} gave ${who} up after ${Math.round(atMs - heardAtMs)} ms of silence, and allows ${allowedMs} ms`, event);
      else if (justWoke(facts, event)) report(`${node} gave ${who} up when it woke, and had not read what waited`, event);
    },
  }),
};

/**
 * Whether it gave the peer up just behind a sleep that it must have noticed: one in which a deadline passed by long. By how
 * much a sleep of before moved the deadline only the server knows: by what it was late for its next timer, which is all of
 * the sleep at most, and nothing where no timer was late by long.
 */
function justWoke({ spans }: Facts, event: EventOf<'expired'>): boolean {
  const { node, heardAtMs = 0, allowedMs, lostAtMs = Number.POSITIVE_INFINITY, lostAllowedMs, atMs } = event;
  let silentMs = heardAtMs + allowedMs;
  let lostMs = lostAtMs + lostAllowedMs;
  for (const { node: slept, fault, fromMs, toMs } of spans) {
    if (slept !== node || fault !== 'pause' || toMs > atMs) continue;
    if (Math.min(silentMs, lostMs) < toMs - AWAY_AFTER_MS && atMs < toMs + AWAY_AFTER_MS / 2) return true;
    if (toMs - fromMs <= AWAY_AFTER_MS) continue;
    const latestMs = (dueMs: number): number => Math.max(dueMs + toMs - fromMs, toMs + AWAY_AFTER_MS);
    if (heardAtMs < toMs) silentMs = latestMs(silentMs);
    if (lostAtMs < toMs) lostMs = latestMs(lostMs);
  }
  return false;
}

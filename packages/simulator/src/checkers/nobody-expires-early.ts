import type { EventOf } from '../history/index.ts';
import type { Checker } from './checker.ts';
import type { Facts } from './facts.ts';

/** What rounding may take. */
const GRAIN_MS = 1;
/** Who wakes up later than this after a deadline gives the peer as much again. */
const AWAY_AFTER_MS = 1_000;

export const nobodyExpiresEarly: Checker = {
  name: 'nobody-expires-early',
  rule: 'a server gives a member or broker up only after the silence that it allows, and not as soon as it wakes from a sleep of its own',
  begin: (facts, report) => {
    const startedAtMs = new Map<string, number>();
    return {
      see(event) {
        if (event.kind === 'node' && event.state === 'started') startedAtMs.set(event.node, event.atMs);
        if (event.kind !== 'expired') return;
        const heardAtMs = event.heardAtMs ?? startedAtMs.get(event.node);
        if (heardAtMs === undefined) return;
        const dueMs = Math.min(heardAtMs + event.allowedMs, (event.lostAtMs ?? Number.POSITIVE_INFINITY) + event.lostAllowedMs);
        const { node, who, allowedMs, atMs } = event;
        if (atMs < dueMs - GRAIN_MS)
          report(`${node} gave ${who} up after ${Math.round(atMs - heardAtMs)} ms of silence, and allows ${allowedMs} ms`, event);
        else if (justWoke(facts, event, dueMs))
          report(`${node} gave ${who} up when it woke, and had not read what waited`, event);
      },
    };
  },
};

/** A sleep of the server that it must have noticed moves the deadline; a short one behind it wakes nobody. */
function justWoke({ spans }: Facts, { node, atMs }: EventOf<'expired'>, silentMs: number): boolean {
  let dueMs = silentMs;
  for (const { node: slept, fault, toMs } of spans) {
    if (slept !== node || fault !== 'pause' || toMs > atMs || dueMs >= toMs - AWAY_AFTER_MS) continue;
    if (atMs < toMs + AWAY_AFTER_MS / 2) return true;
    dueMs = toMs + AWAY_AFTER_MS;
  }
  return false;
}

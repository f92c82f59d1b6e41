import type { Expired } from '../history/index.ts';
import type { Checker } from './checker.ts';
import type { Facts } from './facts.ts';

/** What rounding may take. */
const GRAIN_MS = 1;

export const nobodyExpiresEarly: Checker = {
  name: 'nobody-expires-early',
  rule: 'a server gives a member or broker up only after the silence that it allows; the time in which it slept itself does not count',
  begin: (facts, report) => {
    const startedAtMs = new Map<string, number>();
    return {
      see(event) {
        if (event.kind === 'node' && event.state === 'started') startedAtMs.set(event.node, event.atMs);
        if (event.kind !== 'expired') return;
        const heardAtMs = event.heardAtMs ?? startedAtMs.get(event.node);
        if (heardAtMs === undefined) return;
        const silentMs = awake(facts, event, heardAtMs);
        const lostMs = event.lostAtMs === undefined ? 0 : awake(facts, event, event.lostAtMs);
        if (silentMs >= event.allowedMs - GRAIN_MS) return;
        if (event.lostAtMs !== undefined && lostMs >= event.lostAllowedMs - GRAIN_MS) return;
        report(
          `${event.node} gave ${event.who} up after ${Math.round(silentMs)} ms of silence, and allows ${event.allowedMs} ms`,
          event,
        );
      },
    };
  },
};

/** The time since then in which the server ran. */
function awake({ spans }: Facts, { node, atMs }: Expired & { readonly atMs: number }, sinceMs: number): number {
  let ms = atMs - sinceMs;
  for (const span of spans) {
    if (span.node !== node || span.fault !== 'pause') continue;
    ms -= Math.max(0, Math.min(span.toMs, atMs) - Math.max(span.fromMs, sinceMs));
  }
  return ms;
}

import type { EventOf, HistoryEvent, QueueKey } from '../history/index.ts';
import type { Checker } from './checker.ts';
import type { Facts } from './facts.ts';

/** Within this time what was stored is handed to whoever waits for it; disks and networks of runs may be slow. */
const WAKE_MS_MAX = 2_000;

interface Late {
  readonly poll: EventOf<'polled'>;
  readonly dueMs: number;
  readonly event: HistoryEvent;
}

export const pollsWake: Checker = {
  name: 'polls-wake',
  rule: 'a poll that waits for a queue is answered soon after something was stored there',
  begin: (facts, report) => {
    const waiting = new Map<string, EventOf<'polled'>>();
    const byQueue = new Map<QueueKey, Set<string>>();
    const late = new Map<string, Late>();
    const held = new Set<string>();
    const forget = (poll: string): void => {
      const polled = waiting.get(poll);
      if (polled === undefined) return;
      waiting.delete(poll);
      late.delete(poll);
      for (const { queue } of polled.queues) byQueue.get(queue)?.delete(poll);
    };
    const forgetWhere = (hit: (polled: EventOf<'polled'>) => boolean): void => {
      for (const [poll, polled] of [...waiting]) if (hit(polled)) forget(poll);
    };
    return {
      see(event) {
        for (const [poll, { dueMs, poll: polled, event: stored }] of late) {
          if (event.atMs <= dueMs) break;
          late.delete(poll);
          if (!wasStruck(facts, polled.node, dueMs - WAKE_MS_MAX, event.atMs))
            report(
              `${polled.node}: poll ${poll} of ${polled.member || 'a reader'} slept on while its queue grew`,
              polled,
              stored,
            );
        }
        switch (event.kind) {
          case 'polled':
            waiting.set(event.poll, event);
            for (const { queue, filtered } of event.queues) {
              if (filtered) continue;
              const polls = byQueue.get(queue);
              if (polls === undefined) byQueue.set(queue, new Set([event.poll]));
              else polls.add(event.poll);
            }
            return;
          case 'read':
            return forget(event.poll);
          case 'stored':
            if (event.base === undefined || event.duplicate) return;
            for (const name of byQueue.get(event.queue) ?? []) {
              const poll = waiting.get(name) as EventOf<'polled'>;
              const wanted = poll.queues.find(({ queue }) => queue === event.queue);
              const reads =
                poll.node === event.node &&
                wanted !== undefined &&
                wanted.offset < event.base + event.count &&
                !held.has(`${poll.node} ${poll.connection}`);
              if (reads && !late.has(name)) late.set(name, { poll, dueMs: event.atMs + WAKE_MS_MAX, event });
            }
            return;
          case 'connection': {
            const name = `${event.node} ${event.connection}`;
            if (event.state === 'blocked') held.add(name);
            else held.delete(name);
            return forgetWhere(({ node, connection }) => node === event.node && connection === event.connection);
          }
          case 'node':
            if (event.role === 'broker') forgetWhere(({ node }) => node === event.node);
            return;
        }
      },
    };
  },
};

/** A broker that was stopped, or whose disk was slow or failed, may be late. */
const wasStruck = ({ spans }: Facts, node: string, fromMs: number, toMs: number): boolean =>
  spans.some((span) => span.node === node && span.fault !== 'cut' && span.fromMs <= toMs && span.toMs >= fromMs - WAKE_MS_MAX);

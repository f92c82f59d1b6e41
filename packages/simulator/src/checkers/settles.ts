import type { Checker } from './checker.ts';

/** The second phase of a run: liveness. */
export const settles: Checker = {
  name: 'settles',
  rule: 'after the faults everything comes to rest in bounded time: no lag, every queue owned, no send pending, every send answered',
  begin: (facts, report) => {
    let settled = false;
    return {
      see(event) {
        if (event.kind !== 'settled') return;
        settled = true;
        const { problems } = event;
        // A cluster whose broker refuses its damaged log does not come to rest.
        if (problems.length > 0 && facts.refused.size === 0)
          report(`after ${Math.round(event.tookMs)} ms: ${problems.slice(0, 5).join('; ')}`, event);
      },
      end() {
        if (!settled && facts.refused.size === 0) report('the run did not come to its end');
        if (!settled || facts.refused.size > 0) return;
        for (const { invoked, completed } of facts.sends.values())
          if (completed === undefined) report(`the send of ${invoked.value} never ended`, invoked);
      },
    };
  },
};

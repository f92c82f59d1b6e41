import type { Checker } from './checker.ts';
import { mayHaveLost } from './facts.ts';

/** Read stability: stronger than acknowledgement, whatever a producer asked for. */
export const deliveredSurvives: Checker = {
  name: 'delivered-survives',
  rule: 'what anybody was given stays in the log, through every later power cut',
  begin: (facts, report) => {
    const told = new Set<string>();
    return {
      see(event) {
        if (event.kind !== 'delivered' || mayHaveLost(facts, event.queue)) return;
        const end = facts.ends.get(event.queue);
        if (end === undefined || event.offset < end.oldest) return;
        if (facts.log.get(event.queue)?.get(event.offset) === event.value) return;
        const place = `${event.queue} ${event.offset}`;
        if (told.has(place)) return;
        told.add(place);
        report(`${event.group} was given ${event.value} at ${place}, and it is no longer there`, event);
      },
    };
  },
};

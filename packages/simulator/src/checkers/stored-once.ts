import type { Checker } from './checker.ts';

/** Jepsen's duplicate. */
export const storedOnce: Checker = {
  name: 'stored-once',
  rule: 'a message is stored once, however often its batch was sent',
  begin: (facts, report) => ({
    end() {
      for (const [value, places] of facts.places) {
        if (places.length < 2) continue;
        const where = places.map(({ queue, offset }) => `${queue} ${offset}`).join(' and ');
        report(`${value} is stored ${places.length} times: ${where}`, facts.sends.get(value)?.invoked);
      }
    },
  }),
};

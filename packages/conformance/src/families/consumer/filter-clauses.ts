import type { Clause } from '../../clause/clause.ts';
import { type ClientRun, type Facts, factsOf, runsAt } from '../clients/facts.ts';
import { deliveriesOf } from './deliveries.ts';
import { isMember, type Logged, logOf, wants } from './log.ts';

/** The only member that there is all the time: what is delivered of a queue is delivered to it. */
function loneMember({ clients, end }: Facts): ClientRun | undefined {
  const [run] = clients;
  return clients.length === 1 && run !== undefined && isMember(run) && runsAt(run, end.index - 1) ? run : undefined;
}

/** A filter lets through what it names, all of it and nothing else. */
const passesExactly: Clause = {
  id: 'QNT-NAM-009',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const { run, key, offset, index } of deliveriesOf(view)) {
      const message = logOf(view).get(key)?.get(offset);
      if (message !== undefined && !wants(run, message))
        judge.fail(
          index,
          `expected the filter to keep the tag ${JSON.stringify(message.tag)} out, got offset ${offset} of ${key}`,
        );
    }
    const run = loneMember(facts);
    if (run === undefined) return;
    for (const [key, messages] of logOf(view)) {
      const offsets = deliveriesOf(view).flatMap((one) => (one.key === key ? [one] : []));
      const last = offsets.at(-1);
      const missed = [...messages.values()].find((one) =>
        isMissed(
          run,
          one,
          offsets.map(({ offset }) => offset),
        ),
      );
      // Without a filter, other rules say what may be passed over.
      const isFiltered = [...messages.values()].some((one) => !wants(run, one));
      if (!isFiltered) continue;
      if (missed !== undefined)
        judge.fail(
          missed.index,
          `expected the filter to let the tag ${JSON.stringify(missed.tag)} through, got offset ${missed.offset} of ${key} passed over`,
        );
      else if (last !== undefined) judge.pass(last.index);
    }
  },
};

/** Between messages of its queue that were delivered, and not delivered itself. */
const isMissed = (run: ClientRun, message: Logged, delivered: readonly number[]): boolean =>
  message.readable &&
  wants(run, message) &&
  !delivered.includes(message.offset) &&
  Math.min(...delivered) < message.offset &&
  Math.max(...delivered) > message.offset;

export const FILTER_CLAUSES: readonly Clause[] = [passesExactly];

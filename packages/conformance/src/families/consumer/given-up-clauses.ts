import type { Clause } from '../../clause/clause.ts';
import type { Exchange, Header } from '../../history/view.ts';
import { asked, type Facts, factsOf } from '../clients/facts.ts';
import { copiesOf } from './dead-letters.ts';
import { keyOf } from './deliveries.ts';

const ORIGIN = /^(.+\/.+\/\d+)\/(\d+)$/;
const COMMITS: ReadonlySet<string | undefined> = new Set(['OFFSET_COMMIT', 'RELEASE', 'LEAVE']);

/** The first request that says that a group has passed an offset of a queue. */
const passedBy = ({ connections }: Facts, key: string, offset: number): Exchange | undefined =>
  connections
    .flatMap(asked)
    .filter(({ name, header }) => COMMITS.has(name) && header !== undefined)
    .filter(({ header, connection }) =>
      header.offsets.some((one: Header) => keyOf(one.topic, connection.node, one.queue) === key && one.offset > offset),
    )
    .toSorted((a, b) => a.request.index - b.request.index)[0];

/** What is given up is sent to its dead-letter topic first. */
const sentBeforePassed: Clause = {
  id: 'QNT-RGY-007',
  roles: ['consumer'],
  needs: ['dead-letter', 'policy'],
  check(view, judge) {
    const facts = factsOf(view);
    const copies = copiesOf(view);
    copies.forEach(({ origin, record, request }, i) => {
      const [, key, offset] = ORIGIN.exec(origin) ?? [];
      if (key === undefined || record.properties['qnt.attempt'] === undefined) {
        judge.fail(request, `expected the properties qnt.origin and qnt.attempt, got ${JSON.stringify(record.properties)}`);
        return;
      }
      if (copies.findIndex((one) => one.origin === origin) < i) return;
      const passed = passedBy(facts, key, Number(offset));
      if (passed !== undefined && passed.request.index < request.index)
        judge.fail(
          passed.request,
          `expected ${origin} to be sent to ${request.header?.topic} before its offset is passed, got it sent later`,
        );
      else judge.pass(request);
    });
  },
};

export const GIVEN_UP_CLAUSES: readonly Clause[] = [sentBeforePassed];

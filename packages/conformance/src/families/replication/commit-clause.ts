import type { Clause, Judge } from '../../clause/clause.ts';
import type { Exchange } from '../../history/view.ts';
import { type ClientRun, clientOf, type Facts, factsOf, served } from '../clients/facts.ts';
import { runsUntil } from '../clients/route-circumstances.ts';
import { memberRequests } from '../consumer/leases.ts';
import { type Asked, askedBy, atSlave, isSlave, mastersAway } from './reading-on.ts';

/** Longer than anybody waits between two commits. */
const COMMIT_MS = 8_000;
const TO_MASTERS: ReadonlySet<string | undefined> = new Set(['OFFSET_COMMIT', 'RELEASE', 'LEAVE']);

const commits = ({ header }: Exchange, { topic, queue, result }: Asked): boolean =>
  ((header.offsets ?? []) as readonly { topic: string; queue: number; offset: number }[]).some(
    (one) => one.topic === topic && one.queue === queue && one.offset >= (result?.nextOffset ?? 0),
  );

/** The last that a slave has brought of each queue while there was no master. */
function broughtBySlaves(facts: Facts, run: ClientRun, fromMs: number, toMs: number): readonly Asked[] {
  const brought = askedBy(facts, run).filter(
    ({ pull, result }) =>
      atSlave(pull) && (result?.batches.length ?? 0) > 0 && pull.request.atMs >= fromMs && (pull.answer?.atMs ?? toMs) < toMs,
  );
  return [...new Map(brought.map((one) => [`${one.topic}/${one.queue}`, one])).values()];
}

function judgeReturn(facts: Facts, judge: Judge, run: ClientRun, brought: Asked, node: string, backMs: number): void {
  const dueMs = backMs + COMMIT_MS + facts.view.slackMs;
  const made = memberRequests(facts.view).find(
    (one) =>
      TO_MASTERS.has(one.name) &&
      one.header.member === memberOf(brought.pull) &&
      !isSlave(one.connection) &&
      one.request.index > (brought.pull.answer?.index ?? 0) &&
      commits(one, brought),
  );
  if (made !== undefined) judge.pass(made.request);
  else if (runsUntil(run, dueMs) && facts.end.ms > dueMs && served(facts, node, backMs + 1, dueMs))
    judge.fail(
      brought.pull.answer ?? brought.pull.request,
      `expected what was handled of queue ${brought.queue} without a master to be committed when there is one, got no commit up to ${brought.result?.nextOffset} within ${COMMIT_MS} ms`,
    );
}

const memberOf = ({ exchange }: { readonly exchange: Exchange }): string => exchange.header.member;

/** Who keeps leases and offsets is the master alone. */
export const commitsAtMasters: Clause = {
  id: 'QNT-RPL-085',
  roles: ['consumer'],
  ofGroups: true,
  check(view, judge) {
    const facts = factsOf(view);
    for (const { name, connection, request } of memberRequests(view))
      if (TO_MASTERS.has(name) && isSlave(connection)) judge.fail(request, `expected ${name} at masters only, got it at a slave`);
    for (const { node, from, to } of mastersAway(facts))
      for (const run of facts.clients) {
        const back = facts.connections.find(
          (one) => one.node === node && one.helloOk !== undefined && one.openedAtMs >= to.ms && clientOf(facts, one) === run,
        );
        for (const brought of broughtBySlaves(facts, run, from.ms, to.ms)) {
          if (back !== undefined) judgeReturn(facts, judge, run, brought, node, back.openedAtMs);
          else if (run.closing.index < facts.end.index) judge.pass(brought.pull.request);
        }
      }
  },
};

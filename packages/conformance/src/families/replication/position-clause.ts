import { codeNumber } from '@qanat/core';
import type { Clause, Judge } from '../../clause/clause.ts';
import { type Facts, factsOf } from '../clients/facts.ts';
import { runsUntil } from '../clients/route-circumstances.ts';
import { type Asked, askedBy, atSlave, sameQueue } from './reading-on.ts';

const NOT_YET = codeNumber('NOT_YET');
const OUT_OF_RANGE = codeNumber('OFFSET_OUT_OF_RANGE');
/** A moment, or the time to find another replica. */
const AGAIN_MS = 10_000;

/** It was refused for what a replica does not have, and another one may. */
const isNoReason = ({ result, pull }: Asked): boolean =>
  result?.code === NOT_YET || (result?.code === OUT_OF_RANGE && atSlave(pull));

function judgeNext(facts: Facts, judge: Judge, refused: Asked, all: readonly Asked[]): void {
  const { answer, run } = refused.pull;
  if (answer === undefined || run === undefined) return;
  const code = refused.result?.code === NOT_YET ? 'NOT_YET' : 'OFFSET_OUT_OF_RANGE of a slave';
  const own = all.filter((one) => sameQueue(one, refused));
  const next = own.find(({ pull }) => pull.request.index > answer.index);
  const dueMs = answer.atMs + AGAIN_MS + facts.view.slackMs;
  const where = `offset ${refused.offset} of queue ${refused.queue}`;
  if (next === undefined) {
    if (runsUntil(run, dueMs) && facts.end.ms > dueMs)
      judge.fail(answer, `expected ${where} to be asked for again after ${code}, got no PULL of it within ${AGAIN_MS} ms`);
    return;
  }
  if (next.offset === refused.offset || wasBrought(own, refused, next)) judge.pass(next.pull.request);
  else judge.fail(next.pull.request, `expected ${where} again after ${code}, got offset ${next.offset}`, 'topics');
}

/** Another PULL that was under way has brought what this one did not. */
const wasBrought = (own: readonly Asked[], refused: Asked, next: Asked): boolean =>
  next.offset > refused.offset &&
  own.some(
    ({ result, pull: { answer } }) =>
      result?.code === 0 &&
      result.nextOffset === next.offset &&
      (answer?.index ?? next.pull.request.index) < next.pull.request.index,
  );

/** What a replica lacks is not gone. */
export const keepsPositions: Clause = {
  id: 'QNT-RPL-084',
  roles: ['consumer'],
  ofGroups: true,
  check(view, judge) {
    const facts = factsOf(view);
    for (const run of facts.clients) {
      const all = askedBy(facts, run);
      for (const one of all) if (isNoReason(one)) judgeNext(facts, judge, one, all);
    }
  },
};

import type { Clause, Judge } from '../../clause/clause.ts';
import type { FrameSeen } from '../../history/view.ts';
import { type Analysis, clauseOf } from './analysis.ts';
import type { BatchFields } from './batch-oracle.ts';
import { type Expectation, saidOf } from './decode-order.ts';
import type { Init } from './producers.ts';
import { isNotLookedAt, type Send } from './sends.ts';

const EPOCH_MOST = 0xffff;

const answerOf = (of: Init | Send): FrameSeen => of.exchange?.response as FrameSeen;

/** Line 5 refused it, or should have. */
const REFUSALS: ReadonlySet<string> = new Set(['UNKNOWN_PRODUCER', 'PRODUCER_FENCED']);

function judgeCode(judge: Judge, { send, codes, why }: Expectation): void {
  if (send.code !== undefined && codes.includes(send.code)) judge.pass(answerOf(send));
  else judge.fail(answerOf(send), `expected ${codes.join(' or ')}, since ${why}, got ${saidOf(send)}`, 'code');
}

// ---- INIT_PRODUCER with an id ----

interface Wanted {
  readonly clauses: readonly string[];
  readonly code: string;
  readonly why: string;
}

/** What an INIT_PRODUCER with an id has to be answered, as far as the kit can tell. */
function wantedOf(analysis: Analysis, init: Init): Wanted | undefined {
  const { producers, lives } = analysis;
  const { askedId: id, name, askedEpoch } = init;
  if (producers.isInvented(id)) return { clauses: ['QNT-SND-020'], code: 'UNKNOWN_PRODUCER', why: `nobody was given id ${id}` };
  const last = producers.lastBefore(init);
  if (last === undefined || producers.mayBeForgotten(last, init.start) || lives.mayLose(-1, init.start)) return undefined;
  if (last.life !== init.life && !isDurable(analysis, id, init.start)) return undefined;
  const bears = producers.nameOf(id);
  const isWrongName = name !== '' && name !== bears;
  const isWrongEpoch = askedEpoch !== last.epoch;
  if (isWrongName && isWrongEpoch) return undefined;
  if (isWrongName)
    return { clauses: ['QNT-SND-042'], code: 'INVALID_ARGUMENT', why: `id ${id} bears the name "${bears}", not "${name}"` };
  if (isWrongEpoch)
    return { clauses: ['QNT-SND-022'], code: 'PRODUCER_FENCED', why: `id ${id} has epoch ${last.epoch}, not ${askedEpoch}` };
  return { clauses: name === '' ? ['QNT-SND-019'] : ['QNT-SND-019', 'QNT-SND-042'], code: 'OK', why: `id ${id} is known` };
}

/** The name makes an id durable, and so does a batch that was acknowledged. */
function isDurable({ producers, sends, topics }: Analysis, id: number, index: number): boolean {
  if (producers.nameOf(id) !== '') return true;
  return sends.some(
    ({ fields, outcome, end, topic }) =>
      fields?.producerId === id && outcome === 'stored' && end < index && (topics.at(topic, index, index)?.queues ?? 0) > 0,
  );
}

function judgeInits(analysis: Analysis, judge: Judge, clause: string): void {
  for (const init of analysis.producers.inits) {
    const { code } = init.exchange;
    if (init.askedId === 0 || init.outcome === 'unknown' || isNotLookedAt(init.connection, code)) continue;
    const wanted = wantedOf(analysis, init);
    if (wanted === undefined || !wanted.clauses.includes(clause)) continue;
    const got =
      code ?? (init.id === init.askedId && init.epoch === init.askedEpoch ? 'OK' : `id ${init.id}, epoch ${init.epoch}`);
    if (got === wanted.code) judge.pass(answerOf(init));
    else
      judge.fail(
        answerOf(init),
        `expected ${wanted.code}, since ${wanted.why}, got ${got}`,
        code === undefined ? 'producer_id' : 'code',
      );
  }
}

// ---- clauses ----

/** New ids: asked for without an id, and without a name that has one. */
function newIds({ producers }: Analysis): readonly Init[] {
  const names = new Set<string>();
  return producers.inits.filter(({ askedId, name, outcome }) => {
    if (askedId !== 0 || outcome !== 'ok' || names.has(name)) return false;
    if (name !== '') names.add(name);
    return true;
  });
}

const neverGiven = clauseOf('QNT-SND-018', (analysis, judge) => {
  const fresh = newIds(analysis);
  for (const init of fresh.filter(({ name }) => name === '')) {
    const twin = fresh.find((other) => other !== init && other.id === init.id && other.start <= init.start);
    if (twin !== undefined && !analysis.lives.mayLose(twin.end, init.start))
      judge.fail(answerOf(init), `expected an id that was never given before, got ${init.id} again`, 'producer_id');
    else if (fresh.length > 1) judge.pass(answerOf(init));
  }
});

const takenOver = clauseOf('QNT-SND-019', (analysis, judge) => {
  judgeInits(analysis, judge, 'QNT-SND-019');
  for (const expectation of analysis.expectations) {
    const { send, holding, line } = expectation;
    if (line === 5 && holding?.kind === 'fenced' && !holding.epoch) judgeCode(judge, expectation);
    if (line !== 6 || holding?.kind !== 'held' || holding.by.askedId === 0) continue;
    if (!REFUSALS.has(send.code ?? '')) judge.pass(answerOf(send));
    else
      judge.fail(
        answerOf(send),
        `connection ${send.connection.number} took the id over, and its batch was answered ${saidOf(send)}`,
        'code',
      );
  }
});

const unknown = clauseOf('QNT-SND-020', (analysis, judge) => {
  judgeInits(analysis, judge, 'QNT-SND-020');
  for (const expectation of analysis.expectations)
    if (expectation.line === 5 && expectation.holding?.kind === 'unknown') judgeCode(judge, expectation);
});

const olderEpoch = clauseOf('QNT-SND-022', (analysis, judge) => {
  judgeInits(analysis, judge, 'QNT-SND-022');
  for (const expectation of analysis.expectations)
    if (expectation.line === 5 && expectation.holding?.kind === 'fenced' && expectation.holding.epoch)
      judgeCode(judge, expectation);
});

const nameAndId = clauseOf('QNT-SND-042', (analysis, judge) => judgeInits(analysis, judge, 'QNT-SND-042'));

const named = clauseOf('QNT-SND-021', (analysis, judge) => {
  const { producers, lives } = analysis;
  const asked = producers.inits.filter(({ askedId, name, outcome }) => askedId === 0 && name !== '' && outcome === 'ok');
  for (const init of asked) {
    const earlier = asked.filter(({ name, end }) => name === init.name && end < init.start).sort((a, b) => a.end - b.end);
    const last = earlier.at(-1);
    if (last === undefined || producers.mayBeForgotten(last, init.start) || lives.mayLose(-1, init.start)) continue;
    const epoch = Math.max(...earlier.map((one) => one.epoch as number));
    // Before the epochs of an id are used up the name gets a new one.
    if (epoch >= EPOCH_MOST) continue;
    const what = `name "${init.name}" has id ${last.id} and was given epoch ${epoch}`;
    if (init.id !== last.id) judge.fail(answerOf(init), `${what}: expected this id again, got ${init.id}`, 'producer_id');
    else if ((init.epoch as number) <= epoch)
      judge.fail(answerOf(init), `${what}: expected a higher epoch, got ${init.epoch}`, 'epoch');
    else judge.pass(answerOf(init));
  }
  judgeBeginnings(analysis, judge);
});

/** With a new epoch every queue counts from 0. */
function judgeBeginnings({ sequences }: Analysis, judge: Judge): void {
  for (const { send, expected, holds, noRoom } of sequences) {
    const { base, epoch, producerId } = send.fields as BatchFields;
    if (noRoom || base !== 0 || epoch === 0 || !expected.every(({ outcome }) => outcome === 'STORE')) continue;
    if (holds) judge.pass(answerOf(send));
    else
      judge.fail(
        answerOf(send),
        `in epoch ${epoch} of producer ${producerId} the sequence begins with 0, and the first batch was answered ${saidOf(send)}`,
        'code',
      );
  }
}

/** While a batch is on its way, its id is not forgotten: what comes behind it on the same connection is no stranger's. */
const notForgotten = clauseOf(
  'QNT-SND-023',
  (analysis, judge) => {
    if (!analysis.forgets) return;
    for (const send of analysis.sends) {
      const { fields, connection, start, end, code } = send;
      if (fields === undefined || fields.producerId === 0 || send.outcome === 'unknown' || send.exchange === undefined) continue;
      const before = analysis.sends.find(
        (one) =>
          one.connection === connection &&
          one.key === send.key &&
          one.start < start &&
          one.end > start &&
          one.outcome === 'stored',
      );
      const another = analysis.producers.inits.some(
        (init) =>
          init.outcome === 'ok' &&
          init.askedId === 0 &&
          before !== undefined &&
          init.start > before.start &&
          init.end < before.end,
      );
      if (before === undefined || !another) continue;
      if (code === 'UNKNOWN_PRODUCER' && end < before.end)
        judge.fail(
          answerOf(send),
          `producer ${fields.producerId} has a batch on its way, and was forgotten: UNKNOWN_PRODUCER`,
          'code',
        );
      else if (send.outcome === 'duplicate') judge.pass(answerOf(send));
    }
  },
  { needs: ['settings'] },
);

export const PRODUCER_CLAUSES: readonly Clause[] = [neverGiven, takenOver, unknown, named, olderEpoch, nameAndId, notForgotten];

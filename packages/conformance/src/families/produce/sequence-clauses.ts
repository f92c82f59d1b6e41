import type { Clause, Judge } from '../../clause/clause.ts';
import type { FrameSeen } from '../../history/view.ts';
import { type Analysis, clauseOf } from './analysis.ts';
import type { BatchFields } from './batch-oracle.ts';
import { saidOf } from './decode-order.ts';
import { groupBy } from './facts.ts';
import { judgeInvisible } from './invisible.ts';
import { isSilent, type Send } from './sends.ts';
import { type Accepted, type SequenceJudgement, UNKNOWN_OFFSET } from './windows.ts';

const answerOf = (send: Send): FrameSeen => send.exchange?.response as FrameSeen;

const nameOf = ({ fields }: Send): string => {
  const { base, count, producerId, epoch } = fields as BatchFields;
  return `the batch of ${count} records from sequence ${base} on of producer ${producerId}, epoch ${epoch}`;
};

function wantedOf(accepted: Accepted): string {
  switch (accepted.outcome) {
    case 'STORE':
      return 'to be stored';
    case 'SEQUENCE_GAP':
      return `SEQUENCE_GAP with expected_sequence ${accepted.expected}`;
    case 'SEQUENCE_CONFLICT':
      return 'SEQUENCE_CONFLICT';
    case 'DUPLICATE': {
      const { original } = accepted;
      if (original === undefined) return `a duplicate with base_offset ${UNKNOWN_OFFSET}`;
      return `a duplicate at offset ${original.offset ?? '…'}, stored at ${original.storeTimeMs ?? '…'}`;
    }
  }
}

function gotOf(send: Send): string {
  if (send.outcome === 'duplicate') return `a duplicate at offset ${send.offset}, stored at ${send.storeTimeMs}`;
  if (send.code !== 'SEQUENCE_GAP') return saidOf(send);
  return `SEQUENCE_GAP with expected_sequence ${send.exchange?.response?.header?.expectedSequence}`;
}

const fieldOf = ({ send, expected }: SequenceJudgement): string => {
  const [first] = expected;
  if (first?.outcome === 'SEQUENCE_GAP' && send.code === 'SEQUENCE_GAP') return 'expected_sequence';
  if (first?.outcome !== 'DUPLICATE' || send.outcome === 'rejected') return 'code';
  return send.outcome === 'stored' ? 'duplicate' : 'base_offset';
};

function say(judge: Judge, judgement: SequenceJudgement): void {
  const { send, expected, holds } = judgement;
  if (holds) judge.pass(answerOf(send));
  else {
    const wanted = [...new Set(expected.map(wantedOf))].join(' or ');
    judge.fail(answerOf(send), `expected ${nameOf(send)}: ${wanted}, got ${gotOf(send)}`, fieldOf(judgement));
  }
}

/** Whatever the broker may have known, the answer had to be of this kind. */
const surely = ({ expected }: SequenceJudgement, isKind: (accepted: Accepted) => boolean): boolean =>
  expected.length > 0 && expected.every(isKind);

const isStore = ({ outcome }: Accepted): boolean => outcome === 'STORE';
const isRemembered = (accepted: Accepted): boolean => accepted.outcome === 'DUPLICATE' && accepted.original !== undefined;
const isOlder = (accepted: Accepted): boolean => accepted.outcome === 'DUPLICATE' && accepted.original === undefined;
const isRefused = ({ outcome }: Accepted): boolean => outcome === 'SEQUENCE_GAP' || outcome === 'SEQUENCE_CONFLICT';

/** Those that the sequence decided: a want of room says nothing here. */
const decided = (analysis: Analysis): readonly SequenceJudgement[] => analysis.sequences.filter(({ noRoom }) => !noRoom);

const storedExactly = clauseOf('QNT-SND-012', (analysis, judge) => {
  for (const judgement of decided(analysis)) {
    const storesWrongly = judgement.send.outcome === 'stored' && !judgement.holds;
    if (surely(judgement, isStore) || storesWrongly) say(judge, judgement);
  }
  for (const { send, holding } of analysis.expectations) {
    // The next batch of a new id, refused as if it were not held.
    if (
      holding?.kind !== 'held' ||
      holding.by.askedId !== 0 ||
      (send.code !== 'UNKNOWN_PRODUCER' && send.code !== 'PRODUCER_FENCED')
    )
      continue;
    judge.fail(answerOf(send), `connection ${send.connection.number} holds ${nameOf(send)}, got ${send.code}`, 'code');
  }
  judgeTwins(analysis, judge);
});

/** Two batches of one queue with the same producer, epoch and sequence. */
function judgeTwins({ readings, lives }: Analysis, judge: Judge): void {
  if (lives.mayLose(-1, Number.POSITIVE_INFINITY)) return;
  const seen = new Map<string, number>();
  for (const { place, batches, frame } of readings) {
    for (const { fields } of batches) {
      const { producerId, epoch, base, baseOffset } = fields;
      if (producerId === 0) continue;
      const name = `${place} ${producerId} ${epoch} ${base}`;
      const before = seen.get(name) ?? baseOffset;
      seen.set(name, before);
      if (before !== baseOffset)
        judge.fail(
          frame,
          `sequence ${base} of producer ${producerId}, epoch ${epoch}, has to be stored once, and stands at offset ${before} and at ${baseOffset}`,
        );
    }
  }
}

const duplicates = clauseOf('QNT-SND-013', (analysis, judge) => {
  for (const judgement of decided(analysis)) if (surely(judgement, isRemembered)) say(judge, judgement);
});

const oldDuplicates = clauseOf('QNT-SND-014', (analysis, judge) => {
  for (const judgement of decided(analysis)) if (surely(judgement, isOlder)) say(judge, judgement);
});

const gapsAndConflicts = clauseOf('QNT-SND-015', (analysis, judge) => {
  for (const judgement of decided(analysis)) if (surely(judgement, isRefused)) say(judge, judgement);
  judgeInvisible(analysis, judge, ({ code }) => code === 'SEQUENCE_GAP' || code === 'SEQUENCE_CONFLICT');
});

const throughRestarts = clauseOf('QNT-SND-017', (analysis, judge) => {
  for (const judgement of decided(analysis)) if (judgement.acrossLives) say(judge, judgement);
});

/** Batches of one producer, and those without a producer on one connection, lie in the order in which they came. */
const inOrder = clauseOf('QNT-SND-039', (analysis, judge) => {
  const rowOf = (send: Send): string | undefined => {
    const place = analysis.placeOf(send);
    if (place === undefined || send.fields === undefined || placeInQueue(analysis, send) === undefined) return undefined;
    const { producerId, epoch } = send.fields;
    return producerId === 0 ? `${place} connection ${send.connection.number}` : `${place} producer ${producerId} ${epoch}`;
  };
  for (const row of groupBy(analysis.sends, rowOf).values()) {
    row.forEach((send, i) => {
      const before = row[i - 1];
      if (before === undefined || analysis.lives.mayLose(before.start, send.start)) return;
      const [first, second] = [placeInQueue(analysis, before) as number, placeInQueue(analysis, send) as number];
      const at = send.exchange?.response ?? send.frame;
      if (second <= first)
        judge.fail(
          at,
          `batches have to be stored in the order of arrival: the one sent first is at offset ${first}, the next at ${second}`,
        );
      else if (before.end > send.start) judge.pass(at);
    });
  }
});

/** The offset of what this very SEND has stored: as it was answered, or as it was read where nothing else is like it. */
function placeInQueue(analysis: Analysis, send: Send): number | undefined {
  if (send.outcome === 'stored') return send.offset;
  const place = analysis.placeOf(send);
  if (send.outcome !== 'one-way' || !isSilent(send) || place === undefined || analysis.mayAppear(send) !== 1) return undefined;
  const [offset, another] = analysis.appearances(place, send.key);
  return another === undefined ? offset : undefined;
}

export const SEQUENCE_CLAUSES: readonly Clause[] = [
  storedExactly,
  duplicates,
  oldDuplicates,
  gapsAndConflicts,
  throughRestarts,
  inOrder,
];

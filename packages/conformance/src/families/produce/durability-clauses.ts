// What was acknowledged is there, and what was seen stays: after kills, planned stops and power cuts.
import type { Clause, Judge } from '../../clause/clause.ts';
import { type Analysis, clauseOf } from './analysis.ts';
import type { BatchFields } from './batch-oracle.ts';
import type { Death } from './lives.ts';
import { lookAt, type Reading, type Stored } from './readings.ts';
import type { Send } from './sends.ts';

/** An answer came so short before the death of the broker that nothing else can have made the batch durable. */
const JUST_BEFORE_MS = 20;

/** A batch that was acknowledged, and what a later PULL says of its place. */
interface Look {
  readonly send: Send;
  readonly reading: Reading;
  readonly found: Stored | 'none';
  /** Between the two, the first one first. */
  readonly deaths: readonly Death[];
}

/** @param mayLose also where a power cut may have taken it. */
function looksOf(analysis: Analysis, mayLose: boolean): readonly Look[] {
  return analysis.sends.flatMap((send) => {
    const place = send.outcome === 'stored' ? analysis.placeOf(send) : undefined;
    if (place === undefined) return [];
    return (analysis.readingsIn.get(place) ?? []).flatMap((reading) => {
      if (reading.start < send.end) return [];
      const deaths = analysis.lives.between(send.end, reading.start);
      if (analysis.lives.mayLose(send.end, reading.end) !== mayLose) return [];
      const found = lookAt(reading, send.offset as number, (send.fields as BatchFields).count);
      return found === undefined ? [] : [{ send, reading, found, deaths }];
    });
  });
}

const isThere = ({ send, found }: Look): boolean => found !== 'none' && found.key === send.key;

function say(judge: Judge, look: Look, when: string): void {
  const { send, reading, found } = look;
  if (isThere(look)) return judge.pass(reading.frame);
  const count = (send.fields as BatchFields).count;
  const what = `the batch of ${count} records that was acknowledged at offset ${send.offset} of ${send.topic}/${send.queue}`;
  return judge.fail(reading.frame, `expected ${what} ${when}, got ${found === 'none' ? 'nothing' : 'another one'} there`);
}

/** Visible at once; and where the broker dies right behind the answer, it was stored by then. */
const storedWhenAnswered = clauseOf('QNT-SND-001', (analysis, judge) => {
  const { events, slackMs } = analysis.view;
  const atMs = (index: number): number => events[index]?.atMs ?? 0;
  for (const look of looksOf(analysis, false)) {
    const [death] = look.deaths;
    if (death === undefined) say(judge, look, 'to be seen by consumers');
    else if (atMs(death.index) - atMs(look.send.end) <= JUST_BEFORE_MS + slackMs)
      say(judge, look, `to be stored when it was answered, short before the ${death.how}`);
  }
});

const survives = clauseOf('QNT-SND-002', (analysis, judge) => {
  for (const look of looksOf(analysis, false))
    if (look.deaths.length > 0) say(judge, look, `to be there after ${look.deaths.map(({ how }) => how).join(', ')}`);
});

/** Of what a power cut took the end of, the rest is there without a hole. */
const prefix = clauseOf(
  'QNT-SND-003',
  (analysis, judge) => {
    for (const look of looksOf(analysis, true)) {
      const { reading, send } = look;
      const losses = look.deaths.filter(({ mayLose }) => mayLose);
      const end = endSeen(analysis, reading, losses.at(-1) as Death);
      if (losses.length !== 1 || end === undefined) continue;
      const isBefore = (send.offset as number) + (send.fields as BatchFields).count <= end;
      if (isBefore) say(judge, look, `to be there, since the queue ends at ${end}`);
    }
  },
  { needs: ['powerloss'] },
);

/**
 * Where the queue ends after a power cut, as this reading or another one of it tells; undefined where none does before somebody
 * sends something to it again, or the broker ends.
 */
function endSeen(analysis: Analysis, { place, end }: Reading, loss: Death): number | undefined {
  const isNew = (send: Send, before: number): boolean =>
    send.start > loss.index && send.start < before && analysis.placeOf(send) === place;
  const isUntouched = (before: number): boolean =>
    !analysis.sends.some((send) => isNew(send, before)) && analysis.lives.between(loss.index, before).length === 0;
  if (!isUntouched(end)) return undefined;
  const readings = analysis.readingsIn.get(place) ?? [];
  return readings.find((one) => one.start > loss.index && one.highWatermark !== undefined && isUntouched(one.end))?.highWatermark;
}

/** Two looks at one place of a queue, the second after the first. */
interface TwoLooks {
  readonly seen: Stored;
  readonly first: Reading;
  readonly second: Reading;
  readonly found: Stored | 'none';
}

function twoLooksOf({ readingsIn }: Analysis): readonly TwoLooks[] {
  return [...readingsIn.values()].flatMap((readings) =>
    firstSights(readings).flatMap(({ seen, first }) =>
      readings.flatMap((second) => {
        if (second.start < first.end) return [];
        const found = lookAt(second, seen.fields.baseOffset, seen.fields.count);
        return found === undefined ? [] : [{ seen, first, second, found }];
      }),
    ),
  );
}

/** The first reading of each batch. */
function firstSights(readings: readonly Reading[]): readonly { readonly seen: Stored; readonly first: Reading }[] {
  const sights = new Map<string, { seen: Stored; first: Reading }>();
  for (const first of readings) {
    for (const seen of first.batches) {
      const name = `${seen.fields.baseOffset} ${seen.key}`;
      if (!sights.has(name)) sights.set(name, { seen, first });
    }
  }
  return [...sights.values()];
}

const goneOf = ({ seen, found }: TwoLooks): string => {
  const there = found === 'none' ? 'nothing is' : 'another batch is';
  return `a consumer got the batch of ${seen.fields.count} records at offset ${seen.fields.baseOffset}, and now ${there} there`;
};

const seenIsCommitted = clauseOf('QNT-SND-004', (analysis, judge) => {
  for (const looks of twoLooksOf(analysis)) {
    const { first, second, seen, found } = looks;
    if (analysis.lives.mayLose(first.start, second.end)) continue;
    if (found === 'none' || found.key !== seen.key) judge.fail(second.frame, goneOf(looks));
    else if (analysis.lives.between(first.end, second.start).length > 0) judge.pass(second.frame);
  }
});

/** What a broker kept through a restart and served again was on stable storage by then: a power cut does not take it. */
const rewritten = clauseOf(
  'QNT-LOG-011',
  (analysis, judge) => {
    const { lives, sends } = analysis;
    for (const looks of twoLooksOf(analysis)) {
      const { first, second, seen, found } = looks;
      const losses = lives.between(first.end, second.start);
      const sent = sends.find(
        ({ key, offset, outcome }) => outcome === 'stored' && key === seen.key && offset === seen.fields.baseOffset,
      );
      const isOlder = sent !== undefined && lives.lifeAt(sent.end) < lives.lifeAt(first.start);
      if (!isOlder || losses.length !== 1 || losses[0]?.mayLose !== true || first.place !== second.place) continue;
      if (found === 'none' || found.key !== seen.key)
        judge.fail(second.frame, `${goneOf(looks)}: it was served before it was synced`);
      else judge.pass(second.frame);
    }
  },
  { needs: ['kill', 'powerloss', 'settings'] },
);

export const DURABILITY_CLAUSES: readonly Clause[] = [storedWhenAnswered, survives, prefix, seenIsCommitted, rewritten];

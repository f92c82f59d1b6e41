import type { Clause } from '../../clause/clause.ts';
import type { Exchange, View } from '../../history/view.ts';
import { judgeArguments, judgeChanges, judgeSilence } from './changes.ts';
import { DEDUP, KEYED_STATE, Model } from './model.ts';
import type { Place } from './place.ts';
import { judgeGet, judgeScan } from './reads.ts';
import { judgeSend } from './sends.ts';
import { Sentences } from './sentences.ts';
import { judgeFeature, judgeWrite } from './writes.ts';

interface Scan {
  readonly exchange: Exchange;
  readonly place: Place;
  /** Of the state when it was asked. */
  readonly before: number | undefined;
}

/** Goes through a history once, and says of each clause what was found. */
function analyse(view: View): Sentences {
  const say = new Sentences();
  const model = new Model(view, say);
  let scans: Scan[] = [];
  const settle = (before: number): void => {
    const due = scans.filter(({ exchange }) => (exchange.response?.index ?? Number.POSITIVE_INFINITY) < before);
    scans = scans.filter((one) => !due.includes(one));
    for (const { exchange, place, before: version } of due) judgeChanges(model, exchange, place, version);
  };
  for (const exchange of model.requests) {
    settle(exchange.request.index);
    model.advanceTo(exchange.request.index);
    const { name, header, response } = exchange;
    if (name === 'SEND') {
      judgeSend(model, exchange);
      continue;
    }
    if (judgeFeature(model, exchange)) continue;
    if (name === 'STATE_WRITE') judgeWrite(model, exchange);
    else if (name === 'STATE_GET') judgeGet(model, exchange);
    else if (!judgeArguments(model, exchange)) {
      const place = model.placeOf(exchange);
      if (!header.changes) judgeScan(model, exchange);
      else if (response === undefined) judgeSilence(model, exchange);
      else if (place !== undefined) scans.push({ exchange, place, before: place.version });
      else if (exchange.code === 'TOPIC_NOT_FOUND') say.pass('016', response);
    }
  }
  settle(Number.POSITIVE_INFINITY);
  return say;
}

const known = new WeakMap<View, Sentences>();

function sentencesOf(view: View): Sentences {
  let sentences = known.get(view);
  if (sentences === undefined) {
    sentences = analyse(view);
    known.set(view, sentences);
  }
  return sentences;
}

const clauseOf = (id: string, feature: number, needs: Clause['needs'] = []): Clause => ({
  id,
  roles: ['broker'],
  feature,
  needs,
  check(view, judge) {
    for (const { at, wrong } of sentencesOf(view).of(id)) {
      if (wrong === undefined) judge.pass(at);
      else judge.fail(at, wrong);
    }
  },
});

const OF_STATE = ['001', '002', '003', '006', '007', '008', '010', '011', '013', '014', '015', '016', '017', '018', '019', '020'];
const OF_DEDUP = ['021', '022', '023', '024', '025', '027', '028'];

export const KEYED_STATE_CLAUSES: readonly Clause[] = [
  ...OF_STATE.map((number) => clauseOf(`QNT-KST-${number}`, KEYED_STATE)),
  clauseOf('QNT-KST-004', KEYED_STATE, ['kill']),
  clauseOf('QNT-KST-005', KEYED_STATE, ['kill']),
  clauseOf('QNT-KST-009', KEYED_STATE, ['settings']),
  ...OF_DEDUP.map((number) => clauseOf(`QNT-KST-${number}`, DEDUP)),
  clauseOf('QNT-KST-026', DEDUP, ['kill']),
];

import { BATCH_HEADER_BYTES, readBatchHeader } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { View } from '../../history/view.ts';
import { type Asked, askedIn, whoIs } from './decisions.ts';

const clause = (id: string, check: (view: View, judge: Judge) => void): Clause => ({
  id,
  roles: ['broker'],
  needs: ['users'],
  check,
});

/** Somebody got a producer id, a new one or by its name. */
interface Held {
  readonly asked: Asked;
  readonly producerName: string;
  readonly id: number;
  readonly epoch: number;
}

const heldIn = (view: View): readonly Held[] =>
  askedIn(view).flatMap((asked) => {
    const { name, exchange } = asked;
    const { answer, header } = exchange ?? {};
    if (name !== 'INIT_PRODUCER' || answer === undefined || header === undefined) return [];
    return [{ asked, producerName: header.name, id: answer.producerId, epoch: answer.epoch }];
  });

const namesAreOnesOwn = clause('QNT-ATZ-009', (view, judge) => {
  const named = heldIn(view).filter(({ producerName }) => producerName !== '');
  for (const one of named) {
    const { response } = one.asked.exchange ?? {};
    const others = named.filter(
      ({ producerName, asked }) => producerName === one.producerName && asked.who.name !== one.asked.who.name,
    );
    const shared = others.find(({ id }) => id === one.id);
    if (response === undefined || others.length === 0) continue;
    judgeThat(
      judge,
      response,
      shared === undefined,
      () =>
        `${one.asked.who.name} and ${shared?.asked.who.name} have the name ${one.producerName} each for itself, and got one producer id`,
      'producer_id',
    );
  }
  judgeFenced(view, named, judge);
});

/** Who has the name still is not fenced because somebody else has taken one that is called the same. */
function judgeFenced(view: View, named: readonly Held[], judge: Judge): void {
  for (const { name, exchange, who } of askedIn(view)) {
    if (name !== 'SEND' || exchange?.response === undefined || exchange.payload === undefined) continue;
    const { payload, index, connection } = exchange.request;
    if (payload.length < BATCH_HEADER_BYTES) continue;
    const { producerId, producerEpoch } = readBatchHeader(payload);
    const held = named.find(
      ({ id, epoch, asked }) => id === producerId && epoch === producerEpoch && asked.who.name === who.name,
    );
    const isLast = held !== undefined && held.asked.frame.connection === connection && !isTakenAgain(named, held, index);
    const others = named.some(
      ({ producerName, asked }) =>
        producerName === held?.producerName && asked.who.name !== who.name && asked.frame.index < index,
    );
    if (isLast && others)
      judgeThat(
        judge,
        exchange.response,
        exchange.code !== 'PRODUCER_FENCED',
        () => `${whoIs(who)} is fenced by another principal who uses the same name of a producer`,
        'code',
      );
  }
}

/** The same principal has taken the name once more. */
const isTakenAgain = (named: readonly Held[], held: Held, index: number): boolean =>
  named.some(
    ({ producerName, asked }) =>
      producerName === held.producerName &&
      asked.who.name === held.asked.who.name &&
      asked.frame.index > held.asked.frame.index &&
      asked.frame.index < index,
  );

const idsAreOnesOwn = clause('QNT-ATZ-010', (view, judge) => {
  const held = heldIn(view);
  for (const { name, exchange, who, frame } of askedIn(view)) {
    const { header, response, code } = exchange ?? {};
    if (name !== 'INIT_PRODUCER' || response === undefined || header === undefined || header.producerId === 0) continue;
    const before = held.filter(({ id, asked }) => id === header.producerId && asked.frame.index < frame.index);
    const isOwn = before.some(({ asked }) => asked.who.name === who.name);
    if (before.length === 0 || code === 'TOO_MANY_REQUESTS' || code === 'SHUTTING_DOWN') continue;
    judgeThat(
      judge,
      response,
      (code === 'FORBIDDEN') !== isOwn,
      () =>
        isOwn
          ? `${whoIs(who)} holds producer id ${header.producerId}, and to take it over is FORBIDDEN`
          : `producer id ${header.producerId} is another principal's: for ${whoIs(who)} it has to be FORBIDDEN, and was answered ${code ?? 'well'}`,
      'code',
    );
  }
});

export const OWNERSHIP_CLAUSES: readonly Clause[] = [namesAreOnesOwn, idsAreOnesOwn];

import { nameError } from '@qanat/core';
import type { Clause } from '../../clause/clause.ts';
import type { Exchange, Header, View } from '../../history/view.ts';
import { hexOf } from '../../json.ts';
import { isToTheMatter } from '../naming/operations.ts';
import { settingsOf } from '../naming/settings.ts';
import { isActive, knowsReplicas } from './active.ts';
import { clausesBy, Sentences } from './sentences.ts';

const FEATURE = 'QNT-REG-031';
const ORDER = 'QNT-REG-032';
const KEPT = 'QNT-REG-033';
const REFUSED = 'QNT-REG-034';

/** The record of a group as the kit knows it: `unclear` where one was put and not answered. */
type Held = Header | 'none' | 'unclear';

export const recordText = (record: Header): string =>
  record === undefined
    ? 'no record'
    : `term ${record.term}, version ${record.version}, master ${record.master}, in sync ${record.inSync
        .map(({ replica, incarnation }: Header) => `${replica}/${incarnation}`)
        .join(' ')}, store ${hexOf(record.storeId).slice(0, 8)}`;

/** The codes that a request may be refused with for what it says; empty where it says nothing wrong. */
function faultsOf({ name, header }: Exchange): readonly string[] {
  const faults: string[] = [];
  if (header.broker === '') faults.push('INVALID_ARGUMENT');
  else if (nameError(header.broker) !== undefined) faults.push('INVALID_NAME');
  if (name === 'RECORD_GET') return faults;
  const { record } = header;
  if (record === undefined || record.storeId.length === 0 || record.term === 0) faults.push('INVALID_ARGUMENT');
  return faults;
}

/** Versions go on from term to term. */
const isAbove = (record: Header, held: Header): boolean =>
  record.version > held.version && (record.term > held.term || (record.term === held.term && record.master === held.master));

/** What the records of a NameServer have to be after each request, and what it answers. */
class RecordBook {
  readonly sentences = new Sentences();
  readonly #held = new Map<string, Held>();
  readonly #groupsMax: number | undefined;

  constructor(view: View) {
    this.#groupsMax = settingsOf(view).brokersMax;
    const asked = view.exchanges.filter(({ name, request }) => request.from === 'kit' && isOfRecords(name));
    for (const exchange of asked) {
      if (exchange.request.wrong === undefined && exchange.header !== undefined) this.#see(exchange, asked);
    }
  }

  #see(exchange: Exchange, all: readonly Exchange[]): void {
    const { connection, response, code, name } = exchange;
    if (!knowsReplicas(connection) && !isActive(connection)) return;
    if (response !== undefined && isToTheMatter(exchange)) this.#feature(exchange);
    if (!isActive(connection) || code === 'UNSUPPORTED_FEATURE') return;
    if (all.some((other) => other !== exchange && meet(exchange, other))) return this.#lose(exchange);
    if (response === undefined) return this.#lose(exchange);
    const faults = faultsOf(exchange);
    if (faults.length > 0) this.#faulty(exchange, faults);
    else if (name === 'RECORD_GET') this.#get(exchange);
    else this.#put(exchange);
  }

  #feature({ connection, response, code, name }: Exchange): void {
    if (response === undefined) return;
    const active = isActive(connection);
    this.sentences.that(
      FEATURE,
      response,
      (code === 'UNSUPPORTED_FEATURE') === !active,
      () =>
        `the feature REPLICATION is ${active ? '' : 'not '}active on this connection; ${name} was answered ${code ?? 'without an error'}`,
      'code',
    );
  }

  #faulty(exchange: Exchange, faults: readonly string[]): void {
    const { response, code, name } = exchange;
    if (response === undefined || !isToTheMatter(exchange)) return;
    const holds = code !== undefined && faults.includes(code);
    this.sentences.that(
      REFUSED,
      response,
      holds,
      () => `${name} has to be refused with ${faults.join(' or ')}, and was answered ${code ?? 'without an error'}`,
      'code',
    );
  }

  #get({ header, answer, response }: Exchange): void {
    const held = this.#held.get(header.broker) ?? 'none';
    if (held === 'unclear' || answer === undefined || response === undefined) return;
    const [told, known] = [recordText(answer.record), recordText(held === 'none' ? undefined : held)];
    const says = (): string => `on record of ${header.broker} is: ${known}; RECORD_GET was answered: ${told}`;
    this.sentences.that(KEPT, response, told === known, says, 'record');
  }

  #put(exchange: Exchange): void {
    const { header, code, response } = exchange;
    const held = this.#held.get(header.broker) ?? 'none';
    if (held === 'none' && this.#isFull()) return this.#crowd(exchange);
    if (code === undefined) this.#held.set(header.broker, header.record);
    else if (code !== 'TERM_FENCED') return this.#lose(exchange);
    if (held === 'unclear' || response === undefined) return;
    const takes = held === 'none' || isAbove(header.record, held) || recordText(header.record) === recordText(held);
    const wants = takes ? 'has to be taken' : 'has to be refused with TERM_FENCED';
    this.sentences.that(
      ORDER,
      response,
      takes === (code === undefined),
      () =>
        `on record is: ${held === 'none' ? 'nothing' : recordText(held)}; a record of ${recordText(header.record)} ${wants}, and was answered ${code ?? 'without an error'}`,
      'code',
    );
  }

  #isFull(): boolean {
    const known = [...this.#held.values()].filter((held) => held !== 'none' && held !== 'unclear').length;
    return this.#groupsMax !== undefined && known >= this.#groupsMax;
  }

  #crowd({ code, response }: Exchange): void {
    if (response === undefined) return;
    const says = (): string =>
      `records of ${this.#groupsMax} groups are kept (BROKERS_MAX): one more was answered ${code ?? 'without an error'}`;
    this.sentences.that(REFUSED, response, code === 'LIMIT_EXCEEDED', says, 'code');
  }

  #lose({ name, header }: Exchange): void {
    if (name === 'RECORD_PUT') this.#held.set(header.broker, 'unclear');
  }
}

const isOfRecords = (name: string | undefined): boolean => name === 'RECORD_PUT' || name === 'RECORD_GET';

/** One was sent before the other was answered, and both are of the same group. */
function meet(one: Exchange, other: Exchange): boolean {
  const ends = (exchange: Exchange): number => exchange.response?.index ?? Number.POSITIVE_INFINITY;
  const apart = ends(one) < other.request.index || ends(other) < one.request.index;
  return !apart && one.header?.broker === other.header?.broker && (one.name === 'RECORD_PUT' || other.name === 'RECORD_PUT');
}

export const RECORD_CLAUSES: readonly Clause[] = clausesBy(
  (view) => new RecordBook(view).sentences,
  [FEATURE, ORDER, KEPT, REFUSED],
  { roles: ['nameserver'] },
);

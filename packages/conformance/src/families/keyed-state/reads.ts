import { LIMITS } from '@qanat/core';
import type { Exchange } from '../../history/view.ts';
import { type Entry, hexOfText, readEntries } from './entries.ts';
import { answerOf, type Model, saidOf } from './model.ts';
import type { Held, Place } from './place.ts';

/** The answer came so short before the end of the broker that nothing else can have stored the write. */
const JUST_BEFORE_MS = 20;
/** A frame that holds nothing but entries has so much around them, at the most. */
const AROUND_BYTES = 128;
const ENTRY_HEADER_BYTES = 16;

export const bytesOf = (key: string, held: Held | undefined): number =>
  ENTRY_HEADER_BYTES + (key.length + (held?.value.length ?? 0)) / 2;

/** Where nobody can say what a read has to show. */
function isOpen(model: Model, exchange: Exchange, place: Place): boolean {
  if (model.beside(exchange).length > 0) return true;
  return model.isMute(exchange) || place.unsure;
}

function isHeld({ version, value, removed }: Entry, held: Held | undefined): boolean {
  if (held === undefined || removed) return removed && held === undefined && version === 0;
  return value === held.value && version > 0 && (held.version ?? version) === version;
}

/** What was unknown is known: an answer tells the version of a write. */
function learn(model: Model, exchange: Exchange, place: Place, { key, version, value, removed }: Entry): void {
  const held = place.entries.get(key);
  if (removed || held === undefined || held.version !== undefined) return;
  place.entries.set(key, { value, version });
  model.saw(exchange, version);
  if (place.written.at(-1)?.keys.includes(key) !== true) return;
  place.written[place.written.length - 1] = { version, keys: place.written.at(-1)?.keys ?? [] };
  place.version = version;
}

/** A write whose fate nobody was told: all of it is there, or nothing. @returns false where it is neither. */
function decide(model: Model, exchange: Exchange, place: Place, read: readonly Entry[]): void {
  const { maybe } = place;
  if (maybe === undefined) return;
  const seen = maybe.flatMap((change) => {
    const entry = read.find(({ key }) => key === change.key);
    return entry === undefined ? [] : [{ change, entry, before: place.entries.get(change.key) }];
  });
  const made = ({ change, entry, before }: (typeof seen)[number]): boolean =>
    change.removed ? entry.removed : !entry.removed && entry.value === change.value && entry.version !== before?.version;
  const telling = seen.filter(({ change, before }) => !(change.removed && before === undefined));
  if (telling.length === 0) return;
  const all = telling.every(made);
  const none = telling.every(({ entry, before }) => isHeld(entry, before));
  if (maybe.length > 1)
    model.say.that(
      '003',
      answerOf(exchange),
      all || none,
      () => 'expected all changes of a write that was not answered, or none; got some',
    );
  place.maybe = undefined;
  if (all) place.apply(maybe, undefined, answerOf(exchange).index);
  if (all || none) place.unsure ||= telling.length < maybe.length;
  else place.unsure = true;
}

/** A SEND that nobody answers has brought the key. */
const isOfOneWay = ({ view }: Model, { request }: Exchange, key: string): boolean =>
  view
    .oneWays('SEND', 'kit')
    .some(({ index, header }) => index < request.index && header?.dedupId !== '' && hexOfText(header?.dedupId ?? '') === key);

/** What is said of an entry that is not as it has to be, and of one that is: the rule that is nearest. */
function judgeEntries(model: Model, exchange: Exchange, place: Place, read: readonly Entry[]): void {
  const { say, view } = model;
  const at = answerOf(exchange);
  const wrong = read.find((entry) => !isHeld(entry, place.entries.get(entry.key)));
  const rules = ['010'];
  if (place.refused) rules.push('003');
  if (read.some(({ key }) => place.dedupKeys.has(key) && place.entries.has(key))) rules.push('023');
  if (place.isNew) rules.push('018');
  const [death] = place.deaths;
  if (death !== undefined && place.changedAt >= 0) {
    rules.push('005');
    const atMs = (index: number): number => view.events[index]?.atMs ?? 0;
    if (atMs(death.index) - atMs(place.changedAt) <= JUST_BEFORE_MS + view.slackMs) rules.push('004');
  }
  if (wrong === undefined) {
    for (const rule of rules) say.pass(rule, at);
    for (const entry of read) learn(model, exchange, place, entry);
    return;
  }
  if (isOfOneWay(model, exchange, wrong.key))
    return say.fail('022', at, `a one-way SEND with the dedup id ${wrong.key} was stored`);
  const held = place.entries.get(wrong.key);
  const textOf = (version: number | undefined, value: string): string => `"${value}" of version ${version}`;
  const got = wrong.removed ? 'that it is not there' : textOf(wrong.version, wrong.value);
  const expected = held === undefined ? 'that it is not there' : textOf(held.version, held.value);
  // What is gone behind the end was not stored, or not kept: nobody can tell which.
  const broken = rules.includes('004') ? ['004', '005'] : rules.slice(-1);
  for (const rule of broken) say.fail(rule, at, `key ${wrong.key}: expected ${expected}, got ${got}`);
}

/** The version of the queue's state. */
function judgeVersion(model: Model, exchange: Exchange, place: Place): void {
  if (place.version === undefined) return;
  const told = exchange.answer.version;
  model.say.that('007', answerOf(exchange), told === place.version, () => `the state has version ${place.version}, got ${told}`);
}

/** What comes next would not have fitted. */
const hasNoRoom = (model: Model, exchange: Exchange, taken: number, next: number): boolean =>
  taken + next > Math.min(LIMITS.STATE_WRITE_BYTES_MAX, model.frameBytesOf(exchange) - AROUND_BYTES);

const sumOf = (entries: readonly Entry[]): number => entries.reduce((sum, { bytes }) => sum + bytes, 0);

/** @returns whether the answer is LIMIT_EXCEEDED, or had to be. */
export function judgeFirst(model: Model, exchange: Exchange, first: number): boolean {
  const isTooLong = first > model.frameBytesOf(exchange);
  if (isTooLong || exchange.code === 'LIMIT_EXCEEDED') {
    const isNear = !isTooLong && first > model.frameBytesOf(exchange) - AROUND_BYTES;
    if (!isNear)
      model.say.that(
        '019',
        answerOf(exchange),
        isTooLong && exchange.code === 'LIMIT_EXCEEDED',
        () => `an entry of ${first} bytes, frames of ${model.frameBytesOf(exchange)}: got ${saidOf(exchange)}`,
      );
    return true;
  }
  return false;
}

export function judgeGet(model: Model, exchange: Exchange): void {
  const { say } = model;
  const place = model.placeOf(exchange);
  const queues = model.queuesOf(exchange);
  if (place === undefined || isOpen(model, exchange, place) || !queues || exchange.header.queue >= queues) return;
  const at = answerOf(exchange);
  const asked = readEntries(exchange.request.payload);
  if (asked === undefined)
    return say.that('002', at, exchange.code === 'INVALID_ARGUMENT', () => `no list of entries: got ${saidOf(exchange)}`);
  if (
    asked.length === 0 ||
    asked.length > LIMITS.STATE_CHANGES_MAX ||
    asked.some(({ bytes, key }) => bytes > bytesOf(key, undefined))
  )
    return;
  const [head] = asked as [Entry];
  if (place.maybe === undefined && judgeFirst(model, exchange, bytesOf(head.key, place.entries.get(head.key)))) return;
  if (exchange.code !== undefined) return say.fail('011', at, `expected an entry for each key, got ${exchange.code}`);
  const read = readEntries(exchange.payload);
  const isRow =
    read !== undefined && read.length <= asked.length && read.every(({ key, expected }, i) => key === asked[i]?.key && !expected);
  if (!isRow || read.length === 0) return say.fail('011', at, 'expected an entry for each key, in their order, got others');
  decide(model, exchange, place, read);
  if (place.unsure) return;
  const next = asked[read.length];
  const isShort = next !== undefined && !hasNoRoom(model, exchange, sumOf(read), bytesOf(next.key, place.entries.get(next.key)));
  say.that('011', at, !isShort, () => `expected ${asked.length} entries, got ${read.length}, and the next one would fit`);
  judgeEntries(model, exchange, place, read);
  judgeVersion(model, exchange, place);
}

export function judgeScan(model: Model, exchange: Exchange): void {
  const { say } = model;
  const { header, answer } = exchange;
  const at = answerOf(exchange);
  const place = model.placeOf(exchange);
  const queues = model.queuesOf(exchange);
  if (place === undefined || isOpen(model, exchange, place) || place.maybe !== undefined) return;
  if (!queues || header.queue >= queues) return;
  const prefix = Buffer.from(header.prefix).toString('hex');
  const after = Buffer.from(header.after).toString('hex');
  const keys = [...place.entries.keys()].filter((key) => key.startsWith(prefix) && (after === '' || key > after)).sort();
  if (keys.length > 0 && judgeFirst(model, exchange, bytesOf(keys[0] as string, place.entries.get(keys[0] as string)))) return;
  const read = exchange.code === undefined ? readEntries(exchange.payload) : undefined;
  if (read === undefined) return say.fail('013', at, `expected entries, got ${saidOf(exchange)}`);
  const wrong = read.findIndex(({ key }, i) => key !== keys[i]);
  if (wrong >= 0) return say.fail('013', at, `expected ${keys[wrong] ?? 'no entry'} in place ${wrong}, got ${read[wrong]?.key}`);
  if (header.limit > 0 && read.length > header.limit)
    return say.fail('013', at, `${read.length} entries, of at most ${header.limit}`);
  const next = keys[read.length];
  say.that('013', at, answer.more === (next !== undefined), () => `more: expected ${next !== undefined}, got ${answer.more}`);
  const isFull = header.limit > 0 && read.length === header.limit;
  if (next !== undefined && !isFull && !hasNoRoom(model, exchange, sumOf(read), bytesOf(next, place.entries.get(next))))
    say.fail('013', at, `${keys.length} entries, got ${read.length}, and the next one would fit`);
  judgeEntries(model, exchange, place, read);
  judgeVersion(model, exchange, place);
}

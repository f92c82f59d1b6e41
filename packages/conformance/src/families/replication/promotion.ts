import type { Exchange, FrameSeen, Header, View } from '../../history/view.ts';
import type { Sentences } from './sentences.ts';

const RECORD = 'QNT-RPL-025';
const BEHIND = 'QNT-RPL-026';
const CEASED = 'QNT-RPL-027';
const EVERYWHERE = 'QNT-RPL-040';
export const OF_PROMOTIONS = [RECORD, BEHIND, CEASED, EVERYWHERE] as const;

/**
 * What a slave does when it is promoted.
 * @param asked REPLICATE of the subject, in order.
 * @param sentences take what is found.
 */
export function judgePromotions(view: View, replica: number, asked: readonly Exchange[], sentences: Sentences): void {
  for (const promotion of view.requests('PROMOTE', 'kit')) new Promotion(view, replica, asked, sentences).judge(promotion);
}

class Promotion {
  readonly #view: View;
  readonly #replica: number;
  readonly #asked: readonly Exchange[];
  readonly #sentences: Sentences;

  constructor(view: View, replica: number, asked: readonly Exchange[], sentences: Sentences) {
    this.#view = view;
    this.#replica = replica;
    this.#asked = asked;
    this.#sentences = sentences;
  }

  judge({ header, request, response, code }: Exchange): void {
    if (response === undefined || header === undefined) return;
    if (!header.acceptLoss) this.#judgeKeepers(request.index, response, code);
    const read = this.#view
      .requests('RECORD_GET', 'subject')
      .findLast((one) => one.request.index > request.index && (one.response?.index ?? Number.POSITIVE_INFINITY) < response.index);
    if (read === undefined) return;
    const isBehind = !header.acceptLoss && !this.#standsIn(read.answer?.record, request.index);
    const says = (): string =>
      `it does ${isBehind ? 'not ' : ''}stand in the set on record, and PROMOTE was answered ${code ?? 'without an error'}`;
    const isKnown = this.#lacking('RECORD_GET', request.index, response.index).length === 0;
    if (isBehind || (isKnown && code === 'REPLICA_BEHIND'))
      this.#sentences.that(BEHIND, response, isBehind === (code === 'REPLICA_BEHIND'), says, 'code');
    const put = this.#view.requests('RECORD_PUT', 'subject').find((one) => one.request.index > (read.response?.index ?? 0));
    if (put?.header?.record === undefined || put.request.index > response.index) {
      const free = (): string => 'it says that it is master, and nothing is on record of it';
      if (code === undefined) this.#sentences.fail(RECORD, response, free());
      return;
    }
    this.#judgeRecord(put, read.answer?.record);
    const copies = this.#asked.find((one) => one.request.index > read.request.index && one.request.index < put.request.index);
    const goes = (): string => 'it copies on after it has asked for the record that it makes its own of';
    this.#sentences.that(CEASED, copies?.request ?? put.request, copies === undefined, goes);
  }

  /** Without a loss it becomes master only when all of its NameServers have told what they have, and have its record. */
  #judgeKeepers(since: number, response: FrameSeen, code: string | undefined): void {
    const first = this.#view.requests('RECORD_PUT', 'subject').find(({ request }) => request.index > since)?.request.index;
    const lacks = [
      ...this.#lacking('RECORD_GET', since, Math.min(first ?? response.index, response.index)),
      ...this.#lacking('RECORD_PUT', since, response.index),
    ];
    if (code !== undefined && lacks.length === 0) return;
    const says = (): string =>
      `it is master, and of its NameServers ${lacks.join(', ')} has not told what is on record, or not taken its record`;
    this.#sentences.that(EVERYWHERE, response, code !== undefined || lacks.length === 0, says);
  }

  /** The NameServers that have not answered such a request of the subject without an error, between two places of the history. */
  #lacking(name: 'RECORD_GET' | 'RECORD_PUT', since: number, until: number): readonly (string | undefined)[] {
    const answered = this.#view
      .requests(name, 'subject')
      .filter(({ request, response, code }) => request.index > since && code === undefined && (response?.index ?? until) < until)
      .map(({ connection }) => connection.node);
    const all = new Set(this.#view.requests('RECORD_GET', 'subject').map(({ connection }) => connection.node));
    return [...all].filter((node) => !answered.includes(node));
  }

  #standsIn(record: Header | undefined, index: number): boolean {
    const lives = this.#asked.filter(({ request }) => request.index < index).map(({ header }) => header.incarnation);
    return (record?.inSync ?? []).some((one: Header) => one.replica === this.#replica && lives.includes(one.incarnation));
  }

  #judgeRecord({ header, request }: Exchange, read: Header | undefined): void {
    const { record } = header;
    const numbers = record.inSync.map(({ replica }: Header) => replica);
    const allowed = new Set([this.#replica, ...(read?.inSync ?? []).map(({ replica }: Header) => replica)]);
    if (read !== undefined && read.master !== this.#replica) allowed.delete(read.master);
    const isAbove = record.term > (read?.term ?? 0) && record.version > (read?.version ?? 0) && record.master === this.#replica;
    const isSet = numbers.includes(this.#replica) && numbers.every((one: number) => allowed.has(one));
    const says = (): string =>
      `the record of a new master has a higher term and version, itself as master, and the set without the old one; read was term ${read?.term}, version ${read?.version}, put is term ${record.term}, version ${record.version}, master ${record.master}, in sync ${numbers.join(' ')}`;
    this.#sentences.that(RECORD, request, isAbove && isSet, says, 'record');
  }
}

import { LIMITS } from '@qanat/core';
import type { Clause } from '../../clause/clause.ts';
import type { Exchange, FrameSeen, Header, View } from '../../history/view.ts';
import { isActive } from './active.ts';
import { MasterFacts } from './master-facts.ts';
import { hasCeased } from './replicate-answers.ts';
import { clausesBy, Sentences } from './sentences.ts';

const PIECES = 'QNT-RPL-060';
const OLDEST = 'QNT-RPL-061';
const NOT_THERE = 'QNT-RPL-062';
const ELSEWHERE = 'QNT-RPL-063';

type Answered = Exchange & { readonly response: FrameSeen };

/** What is known of a snapshot: its length, and those of its bytes that were told. */
interface Known {
  readonly size: number;
  readonly bytes: Map<number, number>;
}

/** How a replica answers SNAPSHOT_READ. */
class SnapshotAnswers {
  readonly sentences = new Sentences();
  readonly #view: View;
  readonly #facts: MasterFacts;
  readonly #snapshots = new Map<number, Known>();
  /** Position of the newest one that was told. */
  #newest = 0;

  constructor(view: View) {
    this.#view = view;
    this.#facts = new MasterFacts(view);
    for (const exchange of view.requests('SNAPSHOT_READ', 'kit')) {
      if (exchange.response === undefined || exchange.header === undefined || !isActive(exchange.connection)) continue;
      this.#look(exchange as Answered);
    }
  }

  #look(exchange: Answered): void {
    const { header, connection, response, code } = exchange;
    const isMaster = this.#facts.termAt(exchange.request.index) > 0 && !hasCeased(this.#facts, response.index);
    if (header.broker !== connection.helloOk.name) {
      if (isMaster) this.#refused(ELSEWHERE, exchange, 'WRONG_BROKER');
    } else if (this.#isSlave(response.index)) this.#refused(ELSEWHERE, exchange, 'NOT_MASTER');
    else if (isMaster && this.#isNotThere(header)) this.#refused(NOT_THERE, exchange, 'INVALID_ARGUMENT');
    else if (isMaster && code === undefined) this.#answered(exchange);
  }

  #refused(id: string, { response, code }: Answered, wanted: string): void {
    // Who may not ask at all is told so first.
    if (code === 'FORBIDDEN') return;
    const says = (): string => `SNAPSHOT_READ has to be refused with ${wanted}, and was answered ${code ?? 'without an error'}`;
    this.sentences.that(id, response, code === wanted, says, 'code');
  }

  /** It copies a master of the kit, and nobody has promoted it. */
  #isSlave(index: number): boolean {
    const copies = this.#view.requests('REPLICATE', 'subject').some(({ response }) => (response?.index ?? index) < index);
    return copies && !this.#view.requests('PROMOTE', 'kit').some(({ request }) => request.index < index);
  }

  /** No snapshot stands where nobody was ever told one, right behind another; nothing is behind the end. */
  #isNotThere({ snapshot, offset }: Header): boolean {
    if (snapshot === 0) return false;
    const known = this.#snapshots.get(snapshot);
    return known === undefined ? this.#snapshots.has(snapshot - 1) : offset >= known.size;
  }

  #answered(exchange: Answered): void {
    const { answer, payload, response } = exchange;
    this.#judgeOldest(exchange);
    const says = (): string => `without a snapshot the size is 0 and nothing follows; ${payload.length} bytes do`;
    if (answer.size === 0) return this.sentences.that(PIECES, response, payload.length === 0, says, 'payload');
    const wrong = this.#wrongWith(exchange);
    this.sentences.that(PIECES, response, wrong === undefined, () => wrong as string, 'payload');
    this.#newest = Math.max(this.#newest, answer.snapshot);
    return this.#learn(exchange);
  }

  #wrongWith({ header, answer, payload }: Answered): string | undefined {
    const { snapshot, offset } = header;
    const bytesMax = Math.min(header.maxBytes || LIMITS.REPLICATE_BYTES_MAX, LIMITS.REPLICATE_BYTES_MAX);
    if (snapshot !== 0 && answer.snapshot !== snapshot)
      return `asked for was the snapshot ${snapshot}, and not ${answer.snapshot}`;
    if (snapshot === 0 && answer.snapshot < this.#newest) return `the snapshot ${this.#newest} is newer than ${answer.snapshot}`;
    if (payload.length === 0 || payload.length > bytesMax) return `${payload.length} bytes came, of ${bytesMax} that may`;
    if (offset + payload.length > answer.size) return `${payload.length} bytes from ${offset} on are more than ${answer.size}`;
    const known = this.#snapshots.get(answer.snapshot);
    if (known !== undefined && known.size !== answer.size) return `its size was ${known.size}, and is ${answer.size}`;
    const other = payload.findIndex((byte, i) => (known?.bytes.get(offset + i) ?? byte) !== byte);
    return other < 0 ? undefined : `byte ${offset + other} of it was another one before`;
  }

  #learn({ header, answer, payload }: Answered): void {
    const known = this.#snapshots.get(answer.snapshot) ?? { size: answer.size, bytes: new Map<number, number>() };
    this.#snapshots.set(answer.snapshot, known);
    for (const [i, byte] of payload.entries()) known.bytes.set(header.offset + i, byte);
  }

  /** The master said where its log begins shortly before and after, and what the entries are. */
  #judgeOldest({ answer, response, request }: Answered): void {
    const told = this.#facts.asked.filter((one) => one.answer !== undefined);
    const before = told.findLast((one) => (one.response as FrameSeen).index < request.index)?.answer.oldest;
    const after = told.find((one) => (one.response as FrameSeen).index > response.index)?.answer.oldest;
    if (before === undefined) return;
    const chain = this.#facts.chainAt(answer.oldest);
    const isBetween = answer.oldest >= before && answer.oldest <= (after ?? answer.oldest);
    const says = (): string =>
      `the oldest entry is at ${before}${after === before ? '' : ` to ${after}`}, behind the chain ${chain ?? 'that is not known'}; told is ${answer.oldest}, behind ${answer.chain}`;
    this.sentences.that(OLDEST, response, isBetween && (chain ?? answer.chain) === answer.chain, says, 'oldest');
  }
}

export const SNAPSHOT_CLAUSES: readonly Clause[] = clausesBy(
  (view) => new SnapshotAnswers(view).sentences,
  [PIECES, OLDEST, NOT_THERE, ELSEWHERE],
  { roles: ['broker'], needs: ['replication', 'register'] },
);

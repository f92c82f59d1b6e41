import { ReplicaRole } from '@qanat/core';
import type { Clause } from '../../clause/clause.ts';
import { replicaTold } from '../../history/replica-told.ts';
import type { Exchange, FrameSeen, View } from '../../history/view.ts';
import { hexOf, isObject } from '../../json.ts';
import { numberOf } from '../../play/program.ts';
import { judgePromotions, OF_PROMOTIONS } from './promotion.ts';
import { clausesBy, Sentences } from './sentences.ts';
import { judgeServing } from './slave-serving.ts';

const OF_ITS_MASTER = 'QNT-RPL-018';
const HIGHEST = 'QNT-RPL-019';
const STORED = 'QNT-RPL-020';
const SEARCHES = 'QNT-RPL-021';
const COMMITTED = 'QNT-RPL-022';
const TELLS = 'QNT-RPL-023';
const CONNECTS = 'QNT-RPL-024';
const REGISTERS = 'QNT-REG-030';
/** A slave gives a master so long beyond what it may wait. */
const PATIENCE_MS = 3_000;
const SOON_MS = 2_000;
const AT_ONCE_MS = 500;

/** A subject as a slave of the kit. */
class SlaveLife {
  readonly sentences = new Sentences();
  readonly #view: View;
  readonly #replica: number;
  /** REPLICATE of the subject, in order. */
  readonly #asked: readonly Exchange[];

  constructor(view: View) {
    this.#view = view;
    this.#replica = numberOf(replicaTold(view) ?? {}, 'replica', 0);
    this.#asked = view.requests('REPLICATE', 'subject').filter(({ header }) => header !== undefined);
    this.#asked.forEach((exchange, i) => this.#look(exchange, this.#asked.slice(i + 1)));
    this.#judgeTerms();
    this.#judgeHalt();
    this.#judgeRegistrations();
    if (this.#asked.length > 0) judgeServing(view, this.#asked, (index) => this.#committedBefore(index), this.sentences);
    judgePromotions(view, this.#replica, this.#asked, this.sentences);
  }

  #look(exchange: Exchange, later: readonly Exchange[]): void {
    const { header, request } = exchange;
    const says = (): string => `everything below ${header.stored} is said to be stored, in a log that ends at ${header.position}`;
    this.sentences.that(STORED, request, header.stored <= header.position, says, 'stored');
    this.#judgeFloor(exchange);
    this.#judgePatience(exchange);
    if (exchange.answer === undefined || exchange.response === undefined) return;
    const next = later.find(({ request: one }) => one.index > (exchange.response?.index ?? 0));
    if (exchange.answer.term !== header.term) this.#judgeTerm(exchange, next);
    else if (exchange.answer.diverged && !header.probe) this.#judgeSearch(exchange, later);
    else if (exchange.payload.length > 0) this.#judgeTelling(exchange, later);
  }

  /** Entries of an answer of another term are no entries. */
  #judgeTerm({ header, payload }: Exchange, next: Exchange | undefined): void {
    if (next === undefined || payload.length === 0) return;
    const says = (): string =>
      `an answer of another term brought entries from ${header.position} on, and they are used: the log ends at ${next.header.position}`;
    this.sentences.that(OF_ITS_MASTER, next.request, next.header.position <= header.position, says, 'position');
  }

  /** What it has said to be stored outlives everything; what it knows to be committed is never cut. */
  #judgeFloor({ header, request }: Exchange): void {
    // Without a flush the power takes what was written.
    if (this.#view.notes('powerloss').some(({ args }) => isObject(args) && args.flush !== 'sync')) return;
    const before = this.#asked.filter((one) => one.request.index < request.index);
    const ends = this.#view.of('subject').filter(({ index, what }) => index < request.index && what === 'killed');
    const lives = before.filter(({ header: { incarnation } }) => incarnation !== header.incarnation);
    if (ends.length > 0 && lives.length > 0 && before.length === lives.length) {
      const stored = Math.max(...lives.map((one) => one.header.stored));
      const says = (): string =>
        `its log ends at ${header.position}; before its end it said that everything below ${stored} is stored`;
      this.sentences.that(STORED, request, header.position >= stored, says, 'position');
    }
    const committed = this.#committedBefore(request.index);
    if (header.probe || committed === 0) return;
    const says = (): string => `everything below ${committed} is committed, and its log ends at ${header.position}`;
    this.sentences.that(COMMITTED, request, header.position >= committed, says, 'position');
  }

  /** What it has been told, of what it had. */
  #committedBefore(index: number): number {
    return Math.max(
      0,
      ...this.#asked.flatMap(({ answer, header, response }) =>
        answer !== undefined && answer.term === header.term && !answer.diverged && (response?.index ?? index) < index
          ? [Math.min(answer.committed, header.position)]
          : [],
      ),
    );
  }

  #judgePatience({ header, request, response, connection }: Exchange): void {
    const dueMs = request.atMs + header.waitMs + PATIENCE_MS;
    const lateMs = dueMs + this.#view.slackMs;
    if (response !== undefined || this.#view.of('subject').some(({ index }) => index > request.index)) return;
    const another = this.#view.connections.find((one) => one.node === connection.node && one.openedAtMs > request.atMs);
    if (another !== undefined && another.openedAtMs <= lateMs + SOON_MS)
      this.sentences.pass(CONNECTS, another.frames[0] ?? request);
    else if (this.#view.endMs > lateMs + SOON_MS && (connection.closed === undefined || connection.closed.atMs > lateMs))
      this.sentences.fail(
        CONNECTS,
        request,
        `a REPLICATE is not answered since ${header.waitMs + PATIENCE_MS} ms, and there is no new connection`,
      );
  }

  /** Between what both have and what they have not lies the place from which it goes on. */
  #judgeSearch(exchange: Exchange, later: readonly Exchange[]): void {
    const { header, response, connection } = exchange;
    const since = later.filter(({ request }) => request.index > (response?.index ?? 0) && request.connection === connection);
    const goesOn = since.find((one) => !one.header.probe);
    const probes = since.filter(
      (one) => one.header.probe && one.request.index < (goesOn?.request.index ?? Number.POSITIVE_INFINITY),
    );
    const common = Math.max(-1, ...probes.filter(({ answer }) => answer?.diverged === false).map((one) => one.header.position));
    if (goesOn === undefined) return this.#judgeStuck(probes, common);
    const says = (): string =>
      `after ${probes.length} probes, of which the newest common place is ${common}, its log ends at ${goesOn.header.position}`;
    const cut = goesOn.header.position === common && common <= header.position;
    this.sentences.that(SEARCHES, goesOn.request, cut, says, 'position');
  }

  /** Where something is common it goes on from there. */
  #judgeStuck(probes: readonly Exchange[], common: number): void {
    const last = probes.at(-1);
    if (last?.response === undefined || common < this.#committedBefore(last.request.index)) return;
    const untilMs = last.response.atMs + SOON_MS + this.#view.slackMs;
    if (this.#view.endMs > untilMs && last.connection.closed?.by !== 'kit')
      this.sentences.fail(SEARCHES, last.response, `it has found the common place ${common}, and does not go on from there`);
  }

  #judgeTelling(exchange: Exchange, later: readonly Exchange[]): void {
    const { header, payload, response, connection } = exchange;
    if (response === undefined) return;
    const end = header.position + payload.length;
    const untilMs = response.atMs + SOON_MS + this.#view.slackMs;
    const told = later.find((one) => one.header.stored >= end);
    if (told !== undefined && told.request.atMs <= untilMs) return this.sentences.pass(TELLS, told.request);
    const isOver = this.#view.endMs <= untilMs || (connection.closed?.atMs ?? untilMs + 1) <= untilMs;
    const disturbed = this.#view.of('subject').length > 0 || this.#view.of('meddled').length > 0;
    if (!isOver && !disturbed)
      this.sentences.fail(
        TELLS,
        response,
        `entries up to ${end} came, and the master is not told within ${SOON_MS} ms that they are stored`,
      );
  }

  /** Of the masters that NameServers tell of it follows none below the newest. */
  #judgeTerms(): void {
    let highest = 0;
    for (const { term, response } of mastersTold(this.#view)) {
      highest = Math.max(highest, term);
      const late = response.atMs + AT_ONCE_MS + this.#view.slackMs;
      const lower = this.#asked.find(({ header, request }) => request.atMs > late && header.term < highest);
      const says = (): string => `a master of term ${highest} is known, and it asks one of term ${lower?.header.term}`;
      if (lower !== undefined) return this.sentences.fail(HIGHEST, lower.request, says(), 'term');
      if (term < highest && this.#view.endMs > late + SOON_MS) this.sentences.pass(HIGHEST, response);
    }
  }

  /** Nothing that is committed here is common: it halts. */
  #judgeHalt(): void {
    const last = this.#asked.findLast(
      ({ answer, header, request }) => answer?.diverged === true && header.position <= this.#committedBefore(request.index),
    );
    if (last?.response === undefined) return;
    const { index } = last.response;
    for (const { request, response, payload } of this.#view.requests('PULL', 'kit')) {
      if (response === undefined || request.index < index) continue;
      const says = (): string => 'what is committed here is nowhere else: it must serve nothing, and serves a PULL';
      this.sentences.that(COMMITTED, response, payload.length === 0, says);
    }
  }

  /** What it registers is the log of its group, which it has by then. */
  #judgeRegistrations(): void {
    const stores = new Set(this.#asked.flatMap(({ answer, header }) => (answer === undefined ? [] : [hexOf(header.storeId)])));
    for (const { request, header } of this.#view.requests('REGISTER_BROKER', 'subject')) {
      if (header?.replicaRole !== ReplicaRole.SLAVE || stores.size === 0) continue;
      const says = (): string => 'a slave registers with the store of its group, and this is another one';
      this.sentences.that(REGISTERS, request, stores.has(hexOf(header.storeId)), says, 'store_id');
    }
  }
}

/** What NameServers have told of the master of the group, in order. */
const mastersTold = (view: View): readonly { readonly term: number; readonly response: FrameSeen }[] =>
  [...view.requests('REGISTER_BROKER', 'subject'), ...view.requests('BROKER_HEARTBEAT', 'subject')]
    .flatMap(({ answer, response }) =>
      answer?.master === undefined || response === undefined ? [] : [{ term: answer.master.term as number, response }],
    )
    .sort((a, b) => a.response.index - b.response.index);

export const SLAVE_CLAUSES: readonly Clause[] = clausesBy(
  (view) => new SlaveLife(view).sentences,
  [
    OF_ITS_MASTER,
    HIGHEST,
    STORED,
    SEARCHES,
    COMMITTED,
    TELLS,
    CONNECTS,
    ...OF_PROMOTIONS,
    REGISTERS,
    'QNT-RPL-029',
    'QNT-RPL-030',
  ],
  { roles: ['broker'], needs: ['replication', 'register'] },
);

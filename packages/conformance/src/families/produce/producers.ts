import { entryOf } from '../../history/entry.ts';
import type { ConnectionSeen, Exchange, View } from '../../history/view.ts';
import type { BatchFields } from './batch-oracle.ts';
import type { Lives } from './lives.ts';
import { isUncertain, type Send } from './sends.ts';

/** Epochs in batches are counted modulo 2^16. */
const EPOCHS = 0x1_0000;
/** A broker may forget an id that was idle for a day. */
const SURELY_REMEMBERED_MS = 80_000_000;
/** No broker gives ids below the first of term 1, or above the last of the last term (chapter 01). */
const ID_LEAST = 2 ** 20;
const ID_MOST = 2 ** 52;

/** An INIT_PRODUCER of the kit. */
export interface Init {
  readonly exchange: Exchange;
  readonly connection: ConnectionSeen;
  readonly name: string;
  readonly askedId: number;
  readonly askedEpoch: number;
  readonly outcome: 'ok' | 'rejected' | 'unknown';
  /** Of a good answer. */
  readonly id: number | undefined;
  readonly epoch: number | undefined;
  readonly start: number;
  readonly end: number;
  readonly life: number;
}

/** Whether a batch may be sent with its producer id on its connection, for all that the kit knows. */
export type Holding =
  | { readonly kind: 'held'; readonly by: Init }
  /** UNKNOWN_PRODUCER. */
  | { readonly kind: 'unknown'; readonly why: string }
  /** PRODUCER_FENCED. `epoch`: because of an older epoch, not of another connection. */
  | { readonly kind: 'fenced'; readonly why: string; readonly epoch: boolean }
  /** One of the two. */
  | { readonly kind: 'refused'; readonly why: string }
  /** Something is on its way: held by then, or not any more. */
  | { readonly kind: 'held or fenced'; readonly by: Init }
  | { readonly kind: 'unsure' };

const UNSURE: Holding = { kind: 'unsure' };

/** Each principal has names of its own (QNT-ATZ-009); no name has a blank. */
const ownName = (connection: ConnectionSeen, name: string): string => {
  const principal = entryOf(connection)?.principal;
  return name === '' || principal === undefined ? name : `${principal} ${name}`;
};

function initOf(exchange: Exchange, lives: Lives): Init {
  const { header, request, response, code, answer, connection } = exchange;
  const good = response !== undefined && code === undefined && answer !== undefined;
  const rejected = code !== undefined && !isUncertain(code);
  return {
    exchange,
    connection,
    name: ownName(connection, header.name),
    askedId: header.producerId,
    askedEpoch: header.epoch,
    outcome: good ? 'ok' : rejected ? 'rejected' : 'unknown',
    id: good ? answer.producerId : undefined,
    epoch: good ? answer.epoch : undefined,
    start: request.index,
    end: response?.index ?? Number.POSITIVE_INFINITY,
    life: lives.lifeAt(request.index),
  };
}

/** Who holds which producer id, as far as the kit can tell. */
export class ProducerBook {
  /** In the order in which they were asked. */
  readonly inits: readonly Init[];
  readonly #view: View;
  readonly #lives: Lives;
  readonly #forgets: boolean;

  constructor(view: View, lives: Lives, forgets: boolean) {
    this.#view = view;
    this.#lives = lives;
    this.#forgets = forgets;
    this.inits = view
      .requests('INIT_PRODUCER', 'kit')
      .filter(({ header, request, requests }) => header !== undefined && request.flags === 0 && requests.length === 1)
      .map((exchange) => initOf(exchange, lives));
  }

  /** Good answers with this id, in the order in which they came. */
  given(id: number, before: number = Number.POSITIVE_INFINITY): readonly Init[] {
    return this.inits.filter((init) => init.id === id && init.end < before).sort((a, b) => a.end - b.end);
  }

  /** The name that an id bears; empty for none. */
  nameOf(id: number): string {
    return this.given(id).find(({ name }) => name !== '')?.name ?? '';
  }

  /** No broker can know the id. */
  isInvented(id: number): boolean {
    return (id < ID_LEAST || id > ID_MOST) && this.given(id).every(({ askedId }) => askedId === id);
  }

  /** The latest good answer about the id that another INIT_PRODUCER asks for, where nothing else about it is on its way. */
  lastBefore(init: Init): Init | undefined {
    if (this.#moving(init.askedId, init.start, init.end).some((other) => other !== init)) return undefined;
    const before = this.given(init.askedId, init.start);
    const last = before.at(-1);
    const earlier = before.at(-2);
    if (last === undefined || (earlier !== undefined && earlier.end > last.start)) return undefined;
    return last;
  }

  /** Line 5 of the decode order of SEND. */
  holding(send: Send): Holding {
    const { producerId: id, epoch } = send.fields as BatchFields;
    if (id === 0) return UNSURE;
    const until = send.outcome === 'unknown' ? send.start : send.end;
    const moving = this.#moving(id, send.start, until);
    const life = this.#lives.lifeAt(send.start);
    const before = this.given(id, send.start).filter((init) => init.life === life);
    const [earlier, last] = [before.at(-2), before.at(-1)];
    if (earlier !== undefined && last !== undefined && earlier.end > last.start) return UNSURE;
    const holds = last !== undefined && last.connection === send.connection;
    if (moving.length > 0) return holds && this.#isOf(last, epoch) ? { kind: 'held or fenced', by: last } : UNSURE;
    if (last === undefined) return { kind: 'unknown', why: `no connection took producer id ${id} in this life of the broker` };
    if (!holds) return this.#elsewhere(send, before, last);
    if (this.mayBeForgotten(last, send.start)) return UNSURE;
    const present = (last.epoch as number) % EPOCHS;
    if (epoch === present) return { kind: 'held', by: last };
    const why = `producer id ${id} has epoch ${present}, and the batch ${epoch}`;
    return epoch < present ? { kind: 'fenced', why, epoch: true } : { kind: 'refused', why };
  }

  /** Another connection has the id. */
  #elsewhere(send: Send, before: readonly Init[], last: Init): Holding {
    if (this.#forgets) return { kind: 'refused', why: 'the broker forgets producers' };
    const { producerId: id, epoch } = send.fields as BatchFields;
    const previous = before.findLast(({ connection }) => connection !== last.connection);
    const here = `connection ${send.connection.number}`;
    if (previous?.connection === send.connection)
      return {
        kind: 'fenced',
        why: `connection ${last.connection.number} took producer id ${id} over from ${here}`,
        epoch: false,
      };
    const held = before.some(({ connection }) => connection === send.connection);
    // A broker need not remember those who held it long ago, and may look at the epoch first.
    if (held || epoch !== (last.epoch as number) % EPOCHS)
      return { kind: 'refused', why: `${here} does not hold producer id ${id}` };
    return { kind: 'unknown', why: `${here} never held producer id ${id}` };
  }

  /** What may change who holds the id, or its epoch, at some time between two places. */
  #moving(id: number, from: number, to: number): readonly Init[] {
    const name = this.nameOf(id);
    const concerns = (init: Init): boolean =>
      init.id === id || (init.outcome === 'unknown' && (init.askedId === id || (name !== '' && init.name === name)));
    const life = this.#lives.lifeAt(from);
    return this.inits.filter((init) => init.life === life && concerns(init) && init.start < to && init.end > from);
  }

  /** So much time has passed, or so few are remembered, that a broker may have forgotten the id. */
  mayBeForgotten(last: Init, index: number): boolean {
    return this.#forgets || this.#atMs(index) - this.#atMs(last.end) > SURELY_REMEMBERED_MS;
  }

  #isOf(init: Init, epoch: number): boolean {
    return (init.epoch as number) % EPOCHS === epoch && !this.#forgets;
  }

  #atMs(index: number): number {
    return this.#view.events[index]?.atMs ?? 0;
  }
}

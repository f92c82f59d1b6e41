import { replicaTold } from '../../history/replica-told.ts';
import type { Exchange, FrameSeen, Header, View } from '../../history/view.ts';
import { hexOf } from '../../json.ts';
import { numberOf } from '../../play/program.ts';
import { isActive } from './active.ts';
import { type Entry, entriesIn } from './log-entries.ts';

/** A record that the subject has put, to one NameServer of the kit. */
export interface Put {
  readonly exchange: Exchange;
  readonly record: Header;
  readonly sent: number;
  /** Its place in the history; behind the end where it was not answered. */
  readonly answered: number;
  readonly code: string | undefined;
}

/** What a slave of the kit said that it has stored. */
export interface Ack {
  readonly member: string;
  readonly stored: number;
  readonly index: number;
  /** It counts: the place was compared, nothing is claimed beyond it, and it was no probe. */
  readonly counts: boolean;
}

const memberOf = ({ replica, incarnation }: Header): string => `${replica}/${incarnation}`;

/** Bytes of a batch that no broker changes: everything behind the checksum of its body. */
const BATCH_BODY_AT = 36;

/** What a history shows of a subject as a master, and of the kit as its slaves. */
export class MasterFacts {
  readonly view: View;
  readonly replica: number;
  readonly minInSync: number;
  readonly lagMs: number | undefined;
  /** REPLICATE of the kit. */
  readonly asked: readonly Exchange[];
  readonly puts: readonly Put[];
  /** By the place where they begin; each is told once at least. */
  readonly entries = new Map<number, Entry>();
  readonly acks: readonly Ack[];
  /** SENDs of the kit that ask for ACK_COMMITTED. */
  readonly sends: readonly Exchange[];
  readonly #chains = new Map<number, number>([[0, 0]]);

  constructor(view: View) {
    this.view = view;
    const told = replicaTold(view) ?? {};
    this.replica = numberOf(told, 'replica', 0);
    this.minInSync = numberOf(told, 'minInSync', 1);
    this.lagMs = typeof told.lagMs === 'number' ? told.lagMs : undefined;
    this.asked = view
      .requests('REPLICATE', 'kit')
      .filter(({ connection, header }) => isActive(connection) && header !== undefined);
    this.puts = view
      .requests('RECORD_PUT', 'subject')
      .filter(({ header }) => header?.record !== undefined)
      .map((exchange) => ({
        exchange,
        record: exchange.header.record,
        sent: exchange.request.index,
        answered: exchange.response?.index ?? view.events.length,
        code: exchange.code,
      }));
    for (const { payload, answer } of this.asked) if (answer !== undefined) this.#learn(payload);
    this.acks = this.asked.map((exchange) => this.#ackOf(exchange));
    this.sends = view.requests('SEND', 'kit').filter(({ header }) => header?.ack === 0);
  }

  /** The chain of the entry that ends at a position; `within`: no entry ends there; undefined: not known. */
  chainAt(position: number): number | 'within' | undefined {
    const chain = this.#chains.get(position);
    if (chain !== undefined) return chain;
    const covered = [...this.entries.values()].some((entry) => entry.position < position && position < entry.end);
    return covered ? 'within' : undefined;
  }

  /** The record that the register has for certain at a place. */
  onRecord(index: number): Put | undefined {
    return this.puts.findLast(({ answered, code, exchange }) => answered < index && code === undefined && isAnswered(exchange));
  }

  /** Of the master, at a place; 0: it is none as far as the kit knows. */
  termAt(index: number): number {
    return this.onRecord(index)?.record.term ?? 0;
  }

  /** Slaves of the set on record at a place, as `replica/incarnation`. */
  slavesAt(index: number): readonly string[] {
    const inSync: readonly Header[] = this.onRecord(index)?.record.inSync ?? [];
    return inSync.filter(({ replica }) => replica !== this.replica).map(memberOf);
  }

  /** How far a member has stored the log, by what counts before a place. */
  storedAt(member: string, index: number): number {
    return Math.max(
      0,
      ...this.acks.filter((ack) => ack.counts && ack.member === member && ack.index < index).map((ack) => ack.stored),
    );
  }

  /** The master's committed position cannot be above it at a place. */
  limitAt(index: number): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.slavesAt(index).map((member) => this.storedAt(member, index)));
  }

  /** Where the entry of a SEND ends; undefined: no slave was ever told it. */
  endOf(send: Exchange): number | undefined {
    const body = bodyText(send.request.payload);
    return [...this.entries.values()].find((entry) => bodyText(entry.body) === body)?.end;
  }

  #learn(payload: Uint8Array): void {
    for (const entry of entriesIn(payload) ?? []) {
      this.entries.set(entry.position, entry);
      this.#chains.set(entry.end, entry.chain);
    }
  }

  #ackOf({ header, request }: Exchange): Ack {
    const { position, chain, stored, probe } = header;
    const compared = this.chainAt(position) === chain && !probe;
    const said = { member: memberOf(header), index: request.index };
    if (compared && stored <= position) return { ...said, stored, counts: true };
    return { ...said, stored: compared ? position : stored, counts: compared };
  }
}

/** Its answer came, whatever it says. */
export const isAnswered = ({ response }: Exchange): boolean => response !== undefined;

const bodyText = (batch: Uint8Array): string => hexOf(batch.subarray(BATCH_BODY_AT));

/** The number of an error's class, 6 for what is unknown; undefined where there is no error. */
export const classOf = ({ code, response }: { code: string | undefined; response: FrameSeen | undefined }): number | undefined =>
  code === undefined ? undefined : Math.floor(Number(response?.header?.code ?? 0) / 1_000);

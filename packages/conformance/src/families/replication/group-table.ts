import type { ConnectionSeen, Exchange, Header } from '../../history/view.ts';
import { hexOf } from '../../json.ts';
import { endpointsText } from '../naming/operations.ts';

/** One replica in the table of a NameServer. */
export interface Member {
  readonly replica: number;
  readonly endpoints: string;
  readonly zone: string;
  readonly away: boolean;
  readonly heardMs: number;
  readonly connection: ConnectionSeen;
}

/** What a registration did to the table, by the requirement that says so. */
export type Cause = 'QNT-REG-024' | 'QNT-REG-025' | 'QNT-REG-026' | 'QNT-REG-027';

/** What a refusal has to be, and why. */
export interface Refusal {
  readonly code: string;
  readonly id: Cause;
  readonly because: string;
}

/** A broker group in the table of a NameServer, as chapter 08 has it (QNT-REG-024 to QNT-REG-028). */
export class GroupTable {
  storeId = '';
  term = 0;
  /** Who was master in `term`; undefined where slaves alone have registered. */
  holder: number | undefined;
  master: Member | undefined;
  readonly slaves = new Map<number, Member>();
  topics: ReadonlyMap<string, number> = new Map();
  /** Of what is as it is since the last request. */
  cause: Cause = 'QNT-REG-024';

  get members(): readonly Member[] {
    return this.master === undefined ? [...this.slaves.values()] : [this.master, ...this.slaves.values()];
  }

  get isAway(): boolean {
    return this.master?.away !== false;
  }

  /** Undefined where the registration has to be taken. */
  refusalOf({ replica, term, replicaRole }: Header): Refusal | undefined {
    const fenced = (id: Cause, because: string): Refusal => ({ code: 'TERM_FENCED', id, because });
    if (isSlave(replicaRole))
      return this.master?.replica === replica && term < this.term
        ? fenced('QNT-REG-026', `it was master in term ${this.term}`)
        : undefined;
    if (term < this.term) return fenced('QNT-REG-026', `the term of the group is ${this.term}`);
    const taken = term === this.term && this.holder !== undefined && this.holder !== replica;
    return taken ? fenced('QNT-REG-025', `replica ${this.holder} is master in term ${term}`) : undefined;
  }

  /** A registration was taken. */
  register(exchange: Exchange): void {
    const { header, response, connection } = exchange;
    const { replica, term } = header;
    const [endpoints, zone] = [endpointsText(header.endpoints), header.zone];
    const member = { replica, endpoints, zone, away: false, heardMs: response?.atMs ?? 0, connection };
    if (!isSlave(header.replicaRole)) this.#lead(member, term);
    else this.#stand(member, term);
    if (!isSlave(header.replicaRole) || this.holder === undefined)
      this.topics = new Map(header.topics.map(({ topic, queues }: Header) => [topic, queues]));
    this.storeId = hexOf(header.storeId);
  }

  #lead(member: Member, term: number): void {
    this.cause = this.holder !== undefined && this.holder !== member.replica ? 'QNT-REG-025' : 'QNT-REG-024';
    this.slaves.delete(member.replica);
    this.master = member;
    this.holder = member.replica;
    this.term = term;
  }

  #stand(member: Member, term: number): void {
    const wasMaster = this.master?.replica === member.replica;
    this.cause = wasMaster ? 'QNT-REG-026' : 'QNT-REG-024';
    if (wasMaster) this.master = undefined;
    if (this.holder === undefined) this.term = Math.max(this.term, term);
    this.slaves.set(member.replica, member);
  }

  /** It is heard, or it is gone. */
  change(replica: number, change: Partial<Member>): void {
    const member = this.members.find((one) => one.replica === replica);
    if (member === undefined) return;
    const changed = { ...member, ...change };
    if (this.master === member) this.master = changed;
    else this.slaves.set(replica, changed);
    if (change.away === true && this.master === changed && this.slaves.size > 0) this.cause = 'QNT-REG-027';
  }

  /** What a route has to say of the group's slaves. */
  slavesText(): string {
    const slaves = [...this.slaves.values()].sort((a, b) => a.replica - b.replica);
    return JSON.stringify(slaves.map(({ replica, endpoints, away, zone }) => [replica, endpoints, away, zone]));
  }

  /** What it has to say of the master. */
  masterText(): string {
    return JSON.stringify([this.holder ?? 0, this.term, this.master?.endpoints ?? '[]', this.isAway, this.master?.zone ?? '']);
  }

  /** What answers have to say to a replica of where its master is. */
  masterFor(asker: number): string {
    const { master } = this;
    if (master === undefined || master.replica === asker) return 'nobody';
    return JSON.stringify([master.replica, this.term, master.endpoints, master.away]);
  }
}

export const isSlave = (replicaRole: number): boolean => replicaRole === 1;

export const slavesIn = ({ slaves }: Header): string =>
  JSON.stringify(slaves.map(({ replica, endpoints, away, zone }: Header) => [replica, endpointsText(endpoints), away, zone]));

export const masterIn = ({ replica, term, endpoints, away, zone }: Header): string =>
  JSON.stringify([replica, term, endpointsText(endpoints), away, zone]);

export const masterTold = (master: Header | undefined): string =>
  master === undefined ? 'nobody' : JSON.stringify([master.replica, master.term, endpointsText(master.endpoints), master.away]);

// What the recorded sessions of replicas have in common: a group in which the player is everybody else.
import { batchBytes } from '../../packages/conformance/src/codec/batch-json.ts';
import { entriesIn } from '../../packages/conformance/src/families/replication/log-entries.ts';
import type { Setup } from './session-format.ts';
import { type Heard, SessionRecorder } from './session-recorder.ts';

export type Header = Record<string, unknown>;
export interface Place {
  readonly position: number;
  readonly chain: number;
}

export const BEGINNING: Place = { position: 0, chain: 0 };
export const REPLICATION = { minor: 3, features: [4] };
export const COMMON = { ...REPLICATION, frame_bytes_max: 4259840, in_flight_max: 1024, idle_ms: 60000 };
export const NAMESERVER_HELLO = { role: 'NAMESERVER', name: 'ns', ...COMMON };
export const TIMES = { heartbeat_ms: 1000, expiry_ms: 5000 };
const endpoint = (address: string) => ({ listener: 'default', scheme: 'qanat', address });
export const MASTER_ENDPOINT = endpoint('10.0.0.1:7610');
const SLAVE_ENDPOINT = endpoint('10.0.0.2:7610');
/** The life of a replica that the player is. */
export const LIFE = 5;

export const FREE = [
  'the store id, incarnations, and every message to people: who has others replaces them in what comes in',
  'the entries that a broker writes for itself, and so positions and chains',
  'the times, how often a replica asks for the record, and the order of frames on different connections',
];

export const clauses = (ids: string): readonly string[] => ids.split(' ').map((id) => `QNT-${id}`);

export const batch = (...bodies: readonly string[]): Uint8Array =>
  batchBytes({ born_time_ms: 1700000000000, records: bodies.map((body) => ({ body })) });

export const headerOf = (heard: readonly Heard[], frame: string): Header => {
  const found = heard.find((one) => one.frame === frame);
  if (found === undefined) throw new Error(`no ${frame} came`);
  return found.header;
};

export const replicaSetup = (replica: number, role: 'master' | 'slave', more: Partial<Setup> = {}): Setup => ({
  layer: 'broker',
  identity: { name: 'b1' },
  wall_ms: 1700000000000,
  seed: 1,
  name_servers: ['ns:7600'],
  endpoints: [role === 'master' ? MASTER_ENDPOINT : SLAVE_ENDPOINT],
  replication: { replica, role },
  ...more,
});

// ---- a master, of which the player is the NameServer, a client and slave 1 ----

export interface Master {
  readonly session: SessionRecorder;
  readonly store: string;
  /** The record that the player has. */
  record: Header;
}

export const CLIENT = 2;
export const SLAVE = 4;

/** A new group: its first master has itself put on record, and registers. */
export function beginMaster(session: SessionRecorder): Master {
  session.event(1, 'opened');
  session.answer('HELLO', NAMESERVER_HELLO);
  session.until(200);
  session.answer('RECORD_GET', {});
  const { record } = headerOf(session.answer('RECORD_GET', {}), 'RECORD_PUT') as { record: Header };
  session.answer('RECORD_PUT', {});
  session.until(100);
  session.until(300);
  session.answer('REGISTER_BROKER', TIMES);
  for (const connection of [CLIENT, SLAVE]) {
    session.event(connection, 'accepted');
    session.request(connection, 'HELLO', connection === SLAVE ? REPLICATION : {});
  }
  return { session, store: record.store_id as string, record };
}

/** A slave that says that it has stored all that it was given. */
export class PlayedSlave {
  readonly #master: Master;
  place = BEGINNING;
  /** What came, as it came. */
  readonly copied: Uint8Array[] = [];
  #connection = SLAVE;

  constructor(master: Master) {
    this.#master = master;
  }

  ask(more: Header = {}): Heard[] {
    const { session, store, record } = this.#master;
    const { position, chain } = this.place;
    const header = { broker: 'b1', store_id: store, replica: 1, incarnation: LIFE, term: record.term, position, chain };
    const heard = session.request(this.#connection, 'REPLICATE', { ...header, stored: position, wait_ms: 1000, ...more });
    for (const { frame, payload } of heard) if (frame === 'REPLICATE' && payload.length > 0) this.#take(payload);
    return heard;
  }

  /** Asks until it has everything, and the master has it on record that it is in sync. */
  join(): void {
    this.ask();
    this.#put(this.ask());
    this.ask({ wait_ms: 0 });
  }

  /** Nothing is heard of it, and it is put off the record; then it is there again. */
  isLost(untilMs: number): void {
    const { session } = this.#master;
    session.event(this.#connection, 'closed');
    this.#put(session.until(untilMs));
    this.#connection += 2;
    session.event(this.#connection, 'accepted');
    session.request(this.#connection, 'HELLO', REPLICATION);
  }

  #take(payload: Uint8Array): void {
    this.copied.push(payload);
    for (const { end, chain } of entriesIn(payload) ?? []) this.place = { position: end, chain };
  }

  #put(heard: readonly Heard[]): void {
    this.#master.record = headerOf(heard, 'RECORD_PUT').record as Header;
    this.#master.session.answer('RECORD_PUT', {});
  }
}

export const createTopic = ({ session }: Master): Heard[] =>
  session.request(CLIENT, 'TOPIC_CREATE', { topic: 'orders', queues: 1 });
export const send = ({ session }: Master, ...bodies: readonly string[]): Heard[] =>
  session.request(CLIENT, 'SEND', { topic: 'orders' }, batch(...bodies));

// ---- a slave, of which the player is the NameServer, the master and a client ----

/** The log of a master, and what it is known as. */
export interface MasterLog {
  readonly store: string;
  /** Pieces of it, as a slave has copied them. */
  readonly pieces: readonly Uint8Array[];
}

export const MASTER_ROUTE = { term: 1, endpoints: [MASTER_ENDPOINT] };
/** Connections that the slave makes. */
export const NAMESERVER = 1;
export const MASTER = 3;

/** A topic, and a message in each further piece. */
export function logOfMaster(...bodies: readonly string[]): MasterLog {
  const setup = replicaSetup(0, 'master');
  const master = beginMaster(new SessionRecorder({ id: 'log-of-a-master', title: '', clauses: [], setup }));
  const slave = new PlayedSlave(master);
  createTopic(master);
  slave.join();
  for (const body of bodies) {
    send(master, body);
    slave.ask();
  }
  return { store: master.store, pieces: slave.copied };
}

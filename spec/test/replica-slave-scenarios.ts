// The conversations of a slave with its master that are recorded as session vectors.
import {
  batch,
  CLIENT,
  COMMON,
  clauses,
  FREE,
  type Header,
  headerOf,
  LIFE,
  logOfMaster,
  MASTER,
  MASTER_ROUTE,
  type MasterLog,
  NAMESERVER,
  NAMESERVER_HELLO,
  REPLICATION,
  replicaSetup,
  TIMES,
} from './replica-session.ts';
import { type Heard, SessionRecorder } from './session-recorder.ts';

const pull = (session: SessionRecorder, ...offsets: readonly number[]): void => {
  for (const offset of offsets) session.request(CLIENT, 'PULL', { topics: [{ topic: 'orders', queues: [{ offset }] }] });
};

/** The only slave of a group, and its master as long as it has one. */
class PlayedMaster {
  readonly #session: SessionRecorder;
  readonly #log: MasterLog;
  #end = 0;
  #committed = 0;
  #given = 0;
  /** Place that the slave tries now, while it looks for the one where the logs part. */
  #probed: number | undefined;
  /** Of the slave. */
  life = 0;

  /** The slave is new: it finds its master, and asks it for the beginning of the log. */
  constructor(session: SessionRecorder, log: MasterLog) {
    this.#session = session;
    this.#log = log;
    session.event(NAMESERVER, 'opened');
    session.answer('HELLO', NAMESERVER_HELLO);
    session.answer('BROKER_HEARTBEAT', { master: MASTER_ROUTE });
    session.until(200);
    session.answer('RECORD_GET', { record: this.record() });
    session.answer('RECORD_GET', { record: this.record() });
    session.until(300);
    session.answer('REGISTER_BROKER', { ...TIMES, master: MASTER_ROUTE });
    session.event(MASTER, 'opened');
    const asked = session.answer('HELLO', { role: 'BROKER', name: 'b1', store_id: log.store, term: 1, ...COMMON });
    this.life = headerOf(asked, 'REPLICATE').incarnation as number;
  }

  /** The record of the group; with the slave where it is in sync. */
  record(withSlave = false): Header {
    const slave = withSlave ? [{ replica: 1, incarnation: this.life }] : [];
    return { store_id: this.#log.store, term: 1, version: 2, in_sync: [{ incarnation: LIFE }, ...slave] };
  }

  /** Answers with the next piece of the log; it is committed, or only what was given before. */
  give({ committed }: { readonly committed: boolean }): void {
    const piece = this.#log.pieces[this.#given++] as Uint8Array;
    this.#end += piece.length;
    if (committed) this.#committed = this.#end;
    this.answer({}, piece);
    // The slave asks for more, and then tells that it has stored this: that ends what it asked before.
    this.answer({});
  }

  /** Answers probes as a master whose log is that of the slave up to `position`, until there is none. */
  partsAt(position: number): void {
    while (this.#probed !== undefined) this.answer({ diverged: this.#probed > position });
  }

  answer(more: Header, payload?: Uint8Array): Heard[] {
    const header = { term: 1, committed: this.#committed, log_end: this.#end, in_sync: true, ...more };
    const heard = this.#session.answer('REPLICATE', header, payload);
    const probe = heard.find(({ frame, header: asked }) => frame === 'REPLICATE' && asked.probe === true);
    this.#probed = probe && ((probe.header.position ?? 0) as number);
    return heard;
  }
}

function clientComes(session: SessionRecorder): void {
  session.event(CLIENT, 'accepted');
  session.request(CLIENT, 'HELLO', REPLICATION);
}

function slaveCopies(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'replica-slave',
    title: 'a new slave copies the log of its master, registers, and serves what it knows to be committed',
    clauses: clauses('RPL-018 RPL-020 RPL-023 RPL-029 RPL-030 RPL-063 REG-029 REG-030'),
    free: FREE,
    setup: replicaSetup(1, 'slave'),
  });
  committedOne(session);
  pull(session, 0, 1, 2);
  session.request(CLIENT, 'SEND', { topic: 'orders' }, batch('refused'));
  session.request(CLIENT, 'INIT_PRODUCER', {});
  session.request(CLIENT, 'TOPIC_CREATE', { topic: 'audit', queues: 1 });
  session.request(CLIENT, 'SNAPSHOT_READ', { broker: 'b1' });
  return session;
}

/** The slave has two messages of its master, knows the first to be committed, and a client has come to it. */
function committedOne(session: SessionRecorder): PlayedMaster {
  const master = new PlayedMaster(session, logOfMaster('a', 'b'));
  for (let piece = 0; piece < 2; piece++) master.give({ committed: true });
  master.give({ committed: false });
  clientComes(session);
  return master;
}

function slaveDiverges(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'replica-diverged',
    title: 'a slave whose log is another one looks for the newest place that both have, and cuts what lies behind',
    clauses: clauses('RPL-021 RPL-022'),
    free: [...FREE, 'in which order places are tried'],
    setup: replicaSetup(1, 'slave'),
  });
  const master = new PlayedMaster(session, logOfMaster('a', 'b', 'c', 'd'));
  master.give({ committed: true });
  for (let message = 0; message < 4; message++) master.give({ committed: false });
  master.answer({ diverged: true });
  master.partsAt(300);
  clientComes(session);
  pull(session, 0);
  return session;
}

function slaveHalts(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'replica-halted',
    title: 'a slave that has committed what its master does not have halts, and serves nothing',
    clauses: clauses('RPL-022 RPL-026'),
    free: FREE,
    setup: replicaSetup(1, 'slave'),
  });
  const master = committedOne(session);
  pull(session, 0);
  master.answer({ diverged: true });
  master.partsAt(0);
  pull(session, 0);
  session.request(CLIENT, 'PROMOTE', {});
  return session;
}

function slaveIsPromoted(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'replica-promoted',
    title: 'a slave that is not in sync is not promoted; one that is becomes master, with a record of its own first',
    clauses: clauses('RPL-025 RPL-026 RPL-027 RPL-030 RPL-040 REG-029'),
    free: FREE,
    setup: replicaSetup(1, 'slave'),
  });
  const master = committedOne(session);
  pull(session, 2);
  session.request(CLIENT, 'PROMOTE', {});
  session.answer('RECORD_GET', { record: master.record() });
  session.event(MASTER, 'closed');
  session.until(400);
  session.request(CLIENT, 'PROMOTE', {});
  session.answer('RECORD_GET', { record: master.record(true) });
  session.answer('RECORD_PUT', {});
  session.until(500);
  pull(session, 2, 9);
  session.request(CLIENT, 'SEND', { topic: 'orders' }, batch('taken'));
  return session;
}

export const REPLICA_SLAVE_SCENARIOS: Readonly<Record<string, () => SessionRecorder>> = {
  'replica-slave': slaveCopies,
  'replica-diverged': slaveDiverges,
  'replica-halted': slaveHalts,
  'replica-promoted': slaveIsPromoted,
};

// The conversations of a master with its slaves that are recorded as session vectors.
import {
  BEGINNING,
  batch,
  beginMaster,
  CLIENT,
  clauses,
  createTopic,
  FREE,
  type Header,
  headerOf,
  PlayedSlave,
  replicaSetup,
  SLAVE,
  send,
  TIMES,
} from './replica-session.ts';
import { SessionRecorder } from './session-recorder.ts';

function masterCommits(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'replica-master',
    title: 'a slave copies the log of a new master, joins the in-sync set, and is waited for',
    clauses: clauses('RPL-003 RPL-004 RPL-005 RPL-006 RPL-007 RPL-008 RPL-010 RPL-014 RPL-025 RPL-040 REG-029 REG-035'),
    free: FREE,
    setup: replicaSetup(0, 'master'),
  });
  const master = beginMaster(session);
  createTopic(master);
  send(master, 'a');
  const slave = new PlayedSlave(master);
  slave.join();
  session.until(400);
  slave.ask();
  send(master, 'b');
  slave.ask({ stored: slave.place.position - 64 });
  session.until(500);
  slave.ask();
  slave.ask({ wait_ms: 0 });
  slave.ask({ chain: slave.place.chain + 1 });
  slave.ask({ ...BEGINNING, probe: true });
  slave.ask({ broker: 'b2' });
  slave.ask({ replica: 0 });
  slave.ask({ wait_ms: 30001 });
  return session;
}

function masterIsFenced(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'replica-fenced',
    title: 'a master refuses a lower term, and ceases to be one when it hears a higher one; what waits is unknown',
    clauses: clauses('RPL-002 RPL-010 REG-026 REG-029'),
    free: FREE,
    setup: replicaSetup(0, 'master'),
  });
  const master = beginMaster(session);
  createTopic(master);
  const slave = new PlayedSlave(master);
  slave.join();
  session.until(400);
  session.answer('REGISTER_BROKER', TIMES);
  send(master, 'never acknowledged');
  slave.ask({ term: 0 });
  slave.ask({ term: 2 });
  send(master, 'refused');
  slave.ask({ term: 2 });
  session.until(500);
  return session;
}

function tooFewInSync(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'replica-min-in-sync',
    title: 'with fewer replicas in sync than there have to be nothing is taken that has to be committed, and nothing is appended',
    clauses: clauses('RPL-011 RPL-014 RPL-028'),
    free: FREE,
    setup: replicaSetup(0, 'master', { replication: { replica: 0, role: 'master', min_in_sync: 2, lag_ms: 1_000 } }),
  });
  const master = beginMaster(session);
  const slave = new PlayedSlave(master);
  send(master, 'before the beginning of the term is committed');
  slave.join();
  session.until(400);
  createTopic(master);
  slave.ask();
  slave.ask({ wait_ms: 0 });
  slave.isLost(1700);
  send(master, 'refused');
  session.request(CLIENT, 'SEND', { topic: 'orders', ack: 'ACK_LEADER' }, batch('in the log, and not committed'));
  session.request(CLIENT, 'PULL', { topics: [{ topic: 'orders', queues: [{}] }] });
  slave.join();
  session.request(CLIENT, 'PULL', { topics: [{ topic: 'orders', queues: [{}] }] });
  return session;
}

function snapshotInPieces(): SessionRecorder {
  const session = new SessionRecorder({
    id: 'replica-snapshot',
    title: 'a slave reads the snapshot of its master in pieces',
    clauses: clauses('RPL-060 RPL-061 RPL-062 RPL-063'),
    free: [...FREE, 'when a broker takes a snapshot, and what is in it'],
    setup: replicaSetup(0, 'master', { snapshot_bytes: 100 }),
  });
  const read = (more: Header) => session.request(SLAVE, 'SNAPSHOT_READ', { broker: 'b1', ...more });
  const master = beginMaster(session);
  read({});
  createTopic(master);
  send(master, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
  session.until(400);
  const { snapshot, size } = headerOf(read({ max_bytes: 40 }), 'SNAPSHOT_READ') as { snapshot: number; size: number };
  read({ snapshot, offset: 40 });
  read({ snapshot, offset: size });
  read({ snapshot: snapshot + 1 });
  read({ broker: 'b2' });
  return session;
}

export const REPLICA_MASTER_SCENARIOS: Readonly<Record<string, () => SessionRecorder>> = {
  'replica-master': masterCommits,
  'replica-fenced': masterIsFenced,
  'replica-min-in-sync': tooFewInSync,
  'replica-snapshot': snapshotInPieces,
};

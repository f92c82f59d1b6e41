import { describe, expect, it } from 'vitest';
import { FORMER_LIVES_MAX, GroupRecord, LEASE_MARGIN_MS, LEASE_TTL_MS, nextLife, Replica, WATCH_MS } from '../../src/index.ts';
import { type Candidate, ElectionWorld, KEYS, membersOf, STORE_ID, withMembers } from './election-world.ts';

const answerLost = { fate: 'answer-lost', delaysMs: [1, 1] } as const;
const answered = { fate: 'answered', delaysMs: [1, 1] } as const;

/** Replica 1 leads, and 2 (and 3) are in sync with it. */
function group(size: number): { world: ElectionWorld; members: Candidate[] } {
  const world = new ElectionWorld();
  const master = world.start(1);
  world.run(10);
  const members = [master];
  for (let replica = 2; replica <= size; replica++) members.push(world.start(replica));
  world.run(10);
  put(world, master, withMembers(master.records[0] as GroupRecord, members));
  return { world, members };
}

function put(world: ElectionWorld, master: Candidate, record: GroupRecord): string | undefined {
  let outcome: string | undefined;
  master.put(record, (code) => {
    outcome = code;
  });
  world.run(20);
  return outcome;
}

describe('the first master of a group', () => {
  it('is whoever may create the record and comes first; it is in sync alone, and the others follow it', () => {
    const world = new ElectionWorld();
    const [first, second] = [world.start(1), world.start(2)];
    world.run(1_000);
    expect(first.told).toEqual(['lead 1']);
    expect(second.told).toEqual(['follow 1 in 1']);
    expect(world.record).toEqual({
      storeId: STORE_ID,
      term: 1,
      master: 1,
      version: 1,
      inSync: [{ replica: 1, incarnation: 100 }],
    });
    expect(first.call((elector) => elector.leading)).toBe('sure');
    expect(first.call((elector) => elector.describe())).toBe('master in term 1');
    expect(second.call((elector) => elector.describe())).toBe('slave of replica 1');
  });

  it('is nobody who may not create the record, and its term is above that of its log', () => {
    const world = new ElectionWorld();
    const other = world.start(2, { createsRecord: false });
    world.run(10_000);
    expect(other.told).toEqual([]);
    expect(other.call((elector) => elector.describe())).toContain('waits for a replica');
    const first = world.start(1, { logTerm: 41 });
    world.run(WATCH_MS);
    expect(first.told).toEqual(['lead 42']);
    expect(other.told).toEqual(['follow 1 in 42']);
  });
});

describe('an election', () => {
  it('follows when the master is dead for the time of its lease; the new set is the old one without the old master', () => {
    const { world, members } = group(3);
    (members[0] as Candidate).kill();
    world.run(LEASE_TTL_MS - 1_800);
    expect(members[1]?.told).toEqual(['follow 1 in 1']);
    world.run(2_000);
    expect(world.record).toMatchObject({ term: 2, master: 2, version: 3 });
    expect(membersOf(world.record)).toBe('2:101 3:102');
    expect(members[1]?.told).toEqual(['follow 1 in 1', 'lead 2']);
    expect(members[2]?.told).toEqual(['follow 1 in 1', 'follow 2 in 2']);
  });

  it('follows at once when the master stops as planned', () => {
    const { world, members } = group(2);
    (members[0] as Candidate).stop();
    world.run(100);
    expect(members[0]?.told).toEqual(['lead 1', 'stopped']);
    expect(members[1]?.told).toEqual(['follow 1 in 1', 'lead 2']);
  });

  it('elects nobody outside of the in-sync set, nor a member in a life that may lack something', () => {
    const world = new ElectionWorld();
    const master = world.start(1);
    world.run(10);
    const lost = world.start(2);
    const outside = world.start(3);
    world.run(10);
    put(world, master, withMembers(master.records[0] as GroupRecord, [master, lost]));
    master.kill();
    lost.kill();
    const empty = world.start(2);
    world.run(60_000);
    for (const one of [empty, outside]) expect(one.told).toEqual(['follow 1 in 1']);
    for (const one of [empty, outside]) expect(one.call((elector) => elector.stands)).toBe(false);
    // Once, though it goes on; not at all while an election has its time.
    for (const one of [empty, outside]) expect(one.logs).toEqual(['election.nobody-stands']);
    world.restart(master);
    world.run(100);
    expect(world.record).toMatchObject({ term: 2, master: 1 });
  });

  it('elects nobody when all members may lack something: the old master follows too, and the loss may be accepted there', () => {
    const world = new ElectionWorld();
    const master = world.start(1);
    world.run(10);
    const slave = world.start(2);
    world.run(10);
    put(world, master, withMembers(master.records[0] as GroupRecord, [master, slave]));
    master.kill();
    slave.kill();
    const [old, other] = [world.start(1), world.start(2)] as const;
    world.run(60_000);
    for (const one of [old, other]) expect(one.told).toEqual(['follow 1 in 1']);
    expect(old.call((elector) => elector.acceptLoss())).toBe(true);
    world.run(5_000);
    expect([old.told.at(-1), other.told.at(-1)]).toEqual(['lead 2', 'follow 1 in 2']);
  });

  it('elects no member whose log is another one than that of the record', () => {
    const { world, members } = group(2);
    for (const one of members) one.kill();
    const other = world.restart(members[1] as Candidate, { storeId: new Uint8Array(16).fill(9) });
    world.run(60_000);
    expect(other.told).toEqual(['follow 1 in 1']);
  });

  it('takes place although its answer is lost: the next look finds it', () => {
    const world = new ElectionWorld();
    world.store.conditions = (_, { op }) => (op === 'cas' ? answerLost : answered);
    const only = world.start(1);
    world.run(5_000);
    expect(only.told).toEqual(['lead 1']);
    expect(world.written).toHaveLength(1);
    expect(only.call((elector) => elector.leading)).toBe('sure');
  });

  it('that is done long after it was given up makes a master, once', () => {
    const { world, members } = group(2);
    world.store.conditions = (client, { op }) =>
      client === '2' && op === 'cas' ? { fate: 'done-later', delaysMs: [1_500, 1] } : answered;
    (members[0] as Candidate).kill();
    world.run(60_000);
    expect(members[1]?.told).toEqual(['follow 1 in 1', 'lead 2']);
    expect(world.written.filter(({ term }) => term === 2)).toHaveLength(1);
  });
});

describe('a restart', () => {
  it('of the master that has all it had: it leads at once in a new term, without waiting for its old lease', () => {
    const { world, members } = group(2);
    const before = members[0] as Candidate;
    before.kill();
    const after = world.restart(before);
    world.run(20);
    expect(after.told).toEqual(['lead 2']);
    expect(membersOf(world.record)).toBe('1:102 2:101');
    expect(members[1]?.told).toEqual(['follow 1 in 1', 'follow 1 in 2']);
  });

  it('of the whole group elects a member of the set, whichever lives there were between', () => {
    const { world, members } = group(2);
    for (const one of members) one.kill();
    world.run(LEASE_TTL_MS);
    const again = world.restart(members[1] as Candidate);
    again.kill();
    const third = world.restart(again);
    world.run(20);
    expect(third.told).toEqual(['follow 1 in 1', 'lead 2']);
  });

  it('of the only member, with a loss, halts until the operator accepts it', () => {
    const world = new ElectionWorld();
    const before = world.start(1);
    world.run(10);
    const outside = world.start(2);
    world.run(10);
    before.kill();
    const after = world.start(1);
    world.run(60_000);
    expect(after.told).toEqual(['halted RECOVERY_REQUIRED']);
    expect(after.call((elector) => elector.describe())).toContain('halted');
    expect(after.call((elector) => elector.acceptLoss())).toBe(true);
    world.run(WATCH_MS);
    expect(after.told).toEqual(['halted RECOVERY_REQUIRED', 'lead 2']);
    expect(outside.told).toEqual(['follow 1 in 1', 'follow 1 in 2']);
  });

  it('remembers former lives as long as nothing can have been lost, FORMER_LIVES_MAX of them', () => {
    expect(nextLife(undefined, 5, true)).toEqual({ incarnation: 5, former: [] });
    expect(nextLife({ incarnation: 5, former: [4] }, 6, true)).toEqual({ incarnation: 6, former: [4, 5] });
    expect(nextLife({ incarnation: 5, former: [4] }, 6, false)).toEqual({ incarnation: 6, former: [] });
    let life = nextLife(undefined, 0, true);
    for (let i = 1; i <= FORMER_LIVES_MAX + 3; i++) life = nextLife(life, i, true);
    expect(life.former).toHaveLength(FORMER_LIVES_MAX);
    expect(life.former.at(-1)).toBe(FORMER_LIVES_MAX + 2);
  });
});

describe('the loss that an operator accepts', () => {
  it('makes a replica outside of the set master, of a set that is itself alone', () => {
    const world = new ElectionWorld();
    const [master, outside] = [world.start(1), world.start(2)];
    world.run(200);
    expect(outside.call((elector) => elector.acceptLoss())).toBe(false);
    master.kill();
    world.run(LEASE_TTL_MS + 100);
    expect(outside.told).toEqual(['follow 1 in 1']);
    expect(outside.call((elector) => elector.acceptLoss())).toBe(true);
    world.run(WATCH_MS);
    expect(outside.told).toEqual(['follow 1 in 1', 'lead 2']);
    expect(membersOf(world.record)).toBe('2:101');
  });

  it('is forgotten once there is a master: the next election is by the record again', () => {
    const { world, members } = group(2);
    const outside = world.start(3);
    for (const one of members) one.kill();
    world.run(LEASE_TTL_MS + 100);
    outside.call((elector) => elector.acceptLoss());
    const back = world.restart(members[1] as Candidate);
    world.store.expire(KEYS.lease);
    world.run(2 * WATCH_MS);
    const master = [outside, back].find((one) => one.leads) as Candidate;
    const other = master === outside ? back : outside;
    other.kill();
    master.kill();
    const third = world.start(3);
    world.run(60_000);
    expect(third.leads).toBe(false);
  });
});

describe('a master', () => {
  it('that lost its lease to nobody takes a new one and keeps its term', () => {
    const { world, members } = group(1);
    world.store.expire(KEYS.lease);
    world.run(100);
    expect(members[0]?.told).toEqual(['lead 1']);
    expect(members[0]?.call((elector) => elector.leading)).toBe('sure');
    expect(world.store.entry(KEYS.lease)).toBeDefined();
    expect(world.record?.term).toBe(1);
  });

  it('learns from the record that it was superseded, and follows', () => {
    const { world, members } = group(2);
    const cut = { fate: 'request-lost', delaysMs: [1, 1] } as const;
    world.store.conditions = (client) => (client === '1' ? cut : answered);
    world.run(LEASE_TTL_MS + WATCH_MS);
    expect(members[1]?.told).toEqual(['follow 1 in 1', 'lead 2']);
    expect(members[0]?.told).toEqual(['lead 1']);
    expect(members[0]?.call((elector) => elector.leading)).toBe('doubtful');
    world.store.conditions = () => answered;
    world.run(5_000);
    expect(members[0]?.told).toEqual(['lead 1', 'superseded by 2 in 2']);
    expect(members[0]?.call((elector) => elector.leading)).toBe('no');
  });

  it('doubts its lease from before it can have ended, measured from when it was asked for', () => {
    const { world, members } = group(1);
    const master = members[0] as Candidate;
    const leading = (): string => master.call((elector) => elector.leading);
    let askedMs = 0;
    world.store.conditions = (_, { op }) => {
      if (op !== 'keepAlive') return answered;
      askedMs = world.clock.nowMs();
      return { fate: 'answered', delaysMs: [300, 300] };
    };
    world.run(LEASE_TTL_MS / 3 + 650);
    world.store.away = true;
    world.clock.run(askedMs + LEASE_TTL_MS - LEASE_MARGIN_MS - 10);
    expect(leading()).toBe('sure');
    world.run(20);
    expect(leading()).toBe('doubtful');
  });

  it('stops for good where another process has begun a life of the same replica', () => {
    const { world, members } = group(1);
    world.store.write(KEYS.replica(1), Replica.encode({ replica: 1, incarnation: 999 }));
    world.run(100);
    expect(members[0]?.told).toEqual(['lead 1', 'halted REPLICA_TAKEN']);
    expect(world.store.entry(KEYS.lease)).toBeUndefined();
    world.run(60_000);
    expect(members[0]?.told).toHaveLength(2);
  });
});

describe('a record that a master puts', () => {
  it('is recognised as its own when the answer was lost', () => {
    const { world, members } = group(2);
    const master = members[0] as Candidate;
    world.store.conditions = (_, { op }) => (op === 'cas' ? answerLost : answered);
    const record = withMembers(world.record as GroupRecord, [master]);
    expect(put(world, master, record)).toBeUndefined();
    world.run(2_000);
    expect(world.record).toEqual(record);
    world.store.conditions = () => answered;
    expect(put(world, master, record)).toBe('on record');
    expect(world.written.filter(({ version }) => version === record.version)).toHaveLength(1);
  });

  it('is refused where a replica that joins has begun another life, and is not there later', () => {
    const { world, members } = group(1);
    const master = members[0] as Candidate;
    const slave = world.start(2);
    world.run(100);
    slave.kill();
    world.restart(slave);
    world.run(100);
    expect(put(world, master, withMembers(world.record as GroupRecord, [master, slave]))).toBe('REPLICA_BEHIND');
    expect(membersOf(world.record)).toBe('1:100');
  });

  it('is fenced when another term is on record, or when it does not lead', () => {
    const { world, members } = group(2);
    const [master, other] = members as [Candidate, Candidate];
    const record = withMembers(world.record as GroupRecord, [master]);
    expect(put(world, other, record)).toBe('TERM_FENCED');
    world.store.write(KEYS.record, GroupRecord.encode({ ...record, term: 9, master: 2 }));
    expect(put(world, master, record)).toBe('TERM_FENCED');
    expect(master.told).toEqual(['lead 1', 'superseded by 2 in 9']);
  });
});

describe('a consensus store', () => {
  it('that is away changes nothing: no election, no new set, the master goes on; it is told once', () => {
    const { world, members } = group(2);
    const master = members[0] as Candidate;
    world.store.away = true;
    const before = world.record;
    let outcome: string | undefined;
    master.put(withMembers(before as GroupRecord, [master]), (code) => {
      outcome = code;
    });
    world.run(60_000);
    expect(outcome).toBeUndefined();
    expect(world.record).toEqual(before);
    expect(members.map(({ told }) => told)).toEqual([['lead 1'], ['follow 1 in 1']]);
    expect(master.call((elector) => elector.describe())).toBe(
      'master in term 1, lease in doubt; the consensus store does not answer',
    );
    for (const { logs } of members) expect(logs).toEqual(['consensus store away']);
    world.store.away = false;
    world.run(10_000);
    for (const { logs } of members) expect(logs).toEqual(['consensus store away', 'consensus store back']);
    expect(members.filter(({ leads }) => leads)).toHaveLength(1);
  });

  it('that was put back to an older state is not believed', () => {
    const { world, members } = group(2);
    const [master, slave] = members as [Candidate, Candidate];
    const restore = world.store.backup();
    put(world, master, withMembers(world.record as GroupRecord, [master]));
    restore();
    master.kill();
    world.store.expire(KEYS.lease);
    world.run(60_000);
    expect(slave.told).toEqual(['follow 1 in 1']);
    expect(slave.logs).toEqual(['consensus store away']);
  });

  it('whose answers come in another order than its states is read right: the older state is dropped', () => {
    const { world, members } = group(2);
    const master = members[0] as Candidate;
    let slow = 1;
    world.store.conditions = (client, { op }) =>
      client === '1' && op === 'get' && slow-- > 0 ? { fate: 'answered', delaysMs: [1, 400] } : answered;
    world.store.write(KEYS.replica(9), new Uint8Array([1]));
    world.run(10);
    expect(put(world, master, withMembers(world.record as GroupRecord, [master]))).toBe('on record');
    world.run(1_000);
    expect(master.told).toEqual(['lead 1']);
    expect(master.logs).toEqual([]);
  });

  it('where something else has written is not believed', () => {
    const world = new ElectionWorld();
    world.store.write(KEYS.record, new Uint8Array([1, 2, 3]));
    const one = world.start(1);
    world.run(10_000);
    expect(one.told).toEqual([]);
    expect(one.logs).toEqual(['consensus store away']);
  });

  it('whose watches fail is read again and again', () => {
    const { world, members } = group(2);
    world.store.conditions = (_, { op }) => (op === 'watch' ? { fate: 'request-lost', delaysMs: [1, 1] } : answered);
    (members[0] as Candidate).kill();
    world.run(LEASE_TTL_MS + 6_000);
    expect(members[1]?.told).toEqual(['follow 1 in 1', 'lead 2']);
  });

  it('that an elector which stops was just asked by keeps no lease of it', () => {
    for (let ms = 0; ms < 12; ms++) {
      const world = new ElectionWorld();
      const one = world.start(1);
      world.run(ms);
      one.stop();
      world.run(20);
      expect(world.store.entry(KEYS.lease), `after ${ms} ms`).toBeUndefined();
    }
  });
});

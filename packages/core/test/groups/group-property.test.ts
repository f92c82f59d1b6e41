import { type Groups, LIMITS, Position, Strategy, topicTarget } from '@qanat/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Answer, FakeSession, GroupWorld, leasesOfLog } from './group-world.ts';
import { TestMember } from './test-member.ts';

const TOPICS: readonly (readonly [string, number])[] = [
  ['orders', 4],
  ['bills', 3],
];
const SUBSCRIPTION = { topics: TOPICS.map(([topic]) => ({ topic })), from: Position.LAST };
const MESSAGES = 50;

type Step =
  | { readonly do: 'beat' | 'leave' | 'vanish' | 'disconnect' | 'release'; readonly who: number }
  | { readonly do: 'commit' | 'stale'; readonly who: number; readonly which: number; readonly offset: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'sync'; readonly count: number }
  | { readonly do: 'settle' | 'rollBack' | 'snapshot' | 'reset' }
  | { readonly do: 'restart'; readonly durable: number }
  | { readonly do: 'topology'; readonly queues: number };

const strategy = fc.constantFrom(Strategy.AVERAGELY, Strategy.CIRCLE, Strategy.STICKY);
const who = fc.nat(4);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('beat' as const), who }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('release' as const), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'vanish' as const, 'disconnect' as const), who }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('commit' as const, 'stale' as const),
      who,
      which: fc.nat(20),
      offset: fc.nat(MESSAGES),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(0, 1, 100, 200, 1_000, 3_000, 10_000, 30_000) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('sync' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('rollBack' as const, 'snapshot' as const, 'reset' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), durable: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('topology' as const), queues: fc.nat(4) }) },
);

/** Random members at one broker; every step is followed by the checks. */
class Run {
  readonly world = new GroupWorld();
  readonly #strategy: Strategy;
  readonly #members: (TestMember | undefined)[] = [];
  #answers: { member: TestMember; answer: Answer<'CLIENT_HEARTBEAT'> }[] = [];
  /** Every lease that any member was ever told. */
  readonly #told: { member: string; topic: string; queue: number; epoch: number }[] = [];
  #offsets = new Map<string, number>();
  #resets = 0;
  #names = 0;

  constructor(strategy: Strategy) {
    this.#strategy = strategy;
    for (const [topic, queues] of TOPICS) this.world.topic(topic, queues, MESSAGES);
  }

  take(next: Step): void {
    this.#act(next);
    this.#read();
    this.#checkHolders();
    this.#checkOffsets();
  }

  #act(next: Step): void {
    const { world } = this;
    switch (next.do) {
      case 'beat':
        this.#beat(next.who);
        break;
      case 'release':
        this.#members[next.who]?.releaseAll();
        break;
      case 'leave':
        this.#members[next.who]?.leave();
        this.#members[next.who] = undefined;
        break;
      case 'vanish':
        this.#members[next.who] = undefined;
        break;
      case 'disconnect':
        this.#disconnect(this.#members[next.who]);
        break;
      case 'commit':
        this.#commit(next.who, next.which, next.offset);
        break;
      case 'stale':
        this.#stale(next.which, next.offset);
        break;
      case 'pass':
        world.pass(next.ms, false);
        break;
      case 'sync':
        world.sync(next.count);
        break;
      case 'settle':
        world.settle();
        break;
      case 'rollBack':
        world.rollBack();
        break;
      case 'snapshot':
        world.takeSnapshot();
        break;
      case 'reset':
        world.request(new FakeSession('tool'), 'GROUP_RESET', { group: 'g', to: Position.AT_OFFSET, toValue: 5 });
        break;
      case 'restart':
        this.#restart(next.durable);
        break;
      case 'topology':
        for (const [topic] of TOPICS) {
          world.others.set(topic, [{ broker: 'broker-0', queues: next.queues }]);
          world.groups.topologyChanged(topic);
        }
    }
  }

  #beat(index: number): void {
    let member = this.#members[index];
    if (member === undefined) {
      // Now and then an instance comes back under the id of one that is gone.
      this.#names++;
      member = new TestMember(this.world, this.#names % 3 === 0 ? `m${index}` : `m${index}-${this.#names}`, {
        ...SUBSCRIPTION,
        strategy: this.#strategy,
      });
      this.#members[index] = member;
    }
    if (!member.session.alive) member.reconnect();
    this.#answers.push({ member, answer: member.heartbeat() });
  }

  #disconnect(member: TestMember | undefined): void {
    if (member?.session.alive === true) this.world.close(member.session);
  }

  #commit(index: number, which: number, offset: number): void {
    const member = this.#members[index];
    const leases = member?.assignment?.leases ?? [];
    const lease = leases[which % Math.max(1, leases.length)];
    if (member !== undefined && lease !== undefined) member.commit(lease.topic, lease.queue, offset, lease.epoch);
  }

  /** Somebody says again what was true once. A dead epoch must change nothing. */
  #stale(which: number, offset: number): void {
    const lease = this.#told[which % Math.max(1, this.#told.length)];
    if (lease === undefined) return;
    const { topic, queue, epoch, member } = lease;
    const current = [...leasesOfLog(this.world.log).values()].some((live) => live.epoch === epoch);
    const before = this.world.staged.length;
    this.world.request(new FakeSession('old'), 'RELEASE', {
      group: 'g',
      member,
      offsets: [{ topic, queue, offset, leaseEpoch: epoch }],
    });
    if (!current) expect(this.world.staged.length).toBe(before);
  }

  #restart(durable: number): void {
    this.world.sync(durable);
    const before = this.world.groups.snapshot();
    for (const member of this.#members) if (member !== undefined) member.session.alive = false;
    this.#answers = [];
    this.world.restart();
    expect(sorted(this.world.groups)).toEqual(sortedStates(before));
  }

  #read(): void {
    this.#answers = this.#answers.filter(({ member, answer }) => {
      if (!answer.done) return member.session.alive;
      if (answer.error === undefined) member.take(answer);
      else member.sent = false;
      return false;
    });
    for (const member of this.#members) {
      member?.read();
      for (const { topic, queue, epoch } of member?.assignment?.leases ?? []) {
        if (!this.#told.some((lease) => lease.epoch === epoch))
          this.#told.push({ member: (member as TestMember).id, topic, queue, epoch });
      }
    }
  }

  /** At most one epoch of a queue opens it, for one member. */
  #checkHolders(): void {
    const open = new Map<string, number>();
    for (const { member, topic, queue, epoch } of this.#told) {
      const { id } = this.world.topics.get(topic) as { id: number };
      if (this.world.groups.pullError('g', member, id, queue, epoch) !== undefined) continue;
      expect(open.get(`${topic}/${queue}`) ?? epoch).toBe(epoch);
      open.set(`${topic}/${queue}`, epoch);
    }
  }

  #checkOffsets(): void {
    const resets = this.world.log.filter((record) => record.offsetsCommitted?.reset === true).length;
    const offsets = new Map<string, number>();
    for (const { topicId, queue, offset } of this.world.groups.snapshot()[0]?.offsets ?? [])
      offsets.set(`${topicId}/${queue}`, offset ?? 0);
    if (resets === this.#resets) {
      for (const [key, offset] of this.#offsets)
        expect(offsets.get(key), `the committed offset of ${key}`).toBeGreaterThanOrEqual(offset);
    }
    this.#resets = resets;
    this.#offsets = offsets;
  }

  /** Members behave, nothing fails, time passes: then leases and target agree. */
  settle(): void {
    const { world } = this;
    for (let ms = 0; ms < LIMITS.RELEASE_MS + 2 * LIMITS.MEMBER_SESSION_MS; ms += 1_000) {
      this.#members.forEach((member, index) => {
        if (member === undefined && index !== 0) return;
        this.#act({ do: 'beat', who: index });
        world.settle();
        this.#read();
        this.#act({ do: 'release', who: index });
      });
      this.take({ do: 'settle' });
      world.pass(1_000);
    }
    const members = this.#members.filter((member) => member !== undefined).sort((a, b) => (a.id < b.id ? -1 : 1));
    const live = leasesOfLog(world.log);
    let counted = 0;
    for (const [topic, queues] of TOPICS) {
      const { owners } = topicTarget(
        members.map((member) => member.id),
        world.others.get(topic) ?? [],
        world.brokerName,
        queues,
        // What is held at rest is what the target, asked again, leaves where it is.
        { strategy: this.#strategy, holder: (queue) => live.get(`g:${world.topics.get(topic)?.id}/${queue}`)?.member },
      );
      owners.forEach((owner, queue) => {
        const lease = live.get(`g:${world.topics.get(topic)?.id}/${queue}`);
        expect(lease?.member, `${topic}/${queue}`).toBe(owner);
        expect(members.find((member) => member.id === owner)?.lease(topic, queue)).toMatchObject({
          epoch: lease?.epoch,
          state: 0,
        });
        counted++;
      });
    }
    if (members.length > 0) expect(counted).toBe(7);
    expect(live.size).toBe(counted);
    const epochs = world.log.flatMap((record) => record.leaseGranted?.epoch ?? []);
    expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
  }
}

type State = ReturnType<Groups['snapshot']>[number];
const byQueue = (a: { topicId?: number | undefined; queue?: number | undefined }, b: typeof a): number =>
  (a.topicId ?? 0) - (b.topicId ?? 0) || (a.queue ?? 0) - (b.queue ?? 0);
const sortedStates = (states: readonly State[]) =>
  states.map((state) => ({
    ...state,
    offsets: [...(state.offsets ?? [])].sort(byQueue),
    leases: [...(state.leases ?? [])].sort(byQueue),
  }));
const sorted = (groups: Groups) => sortedStates(groups.snapshot());

it('whatever members, the log and the broker do: one holder per queue, no epoch twice, offsets never back, and all at rest in the end [QNT-GRP-056, QNT-GRP-057, QNT-GRP-038, QNT-GRP-040, QNT-OFS-003]', () => {
  fc.assert(
    fc.property(strategy, fc.array(step, { size: 'max', minLength: 5, maxLength: 120 }), (chosen, steps) => {
      const run = new Run(chosen);
      for (const next of steps) run.take(next);
      run.settle();
    }),
    { numRuns: 90 },
  );
}, 60_000);

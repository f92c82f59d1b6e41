import {
  Assignment,
  codeOfWireNumber,
  decodeFrame,
  EngineContext,
  type EngineHost,
  ErrorInfo,
  Flag,
  type GroupHost,
  type GroupOptions,
  GroupState,
  Groups,
  type LeaseGranted,
  LIMITS,
  type LiveFrame,
  QanatError,
  Random,
  Request,
  type RequestHeader,
  type RequestInit,
  type ResponseHeader,
  requestCodec,
  responseCodec,
  type ServerSession,
  StateRecord,
  type StateRecordInit,
  type TopicShareOf,
} from '@qanat/core';

type Settle = (error: QanatError | undefined) => void;

let nextCorrelation = 1;

/** A connection of a member: keeps what is pushed. */
export class FakeSession {
  readonly remote: string;
  alive = true;
  blocked = false;
  readonly pushed: Assignment[] = [];
  readonly sent: Uint8Array[] = [];
  readonly controlBytesMax = LIMITS.CONTROL_HEADER_BYTES_MAX;
  /** What counts for operators is no matter here. */
  readonly traffic = { error() {} };

  constructor(remote: string) {
    this.remote = remote;
  }

  push(_name: 'ASSIGNMENT', header: Parameters<typeof Assignment.encode>[0], more = false): void {
    const bytes = Assignment.encode(header);
    if (bytes.length > 65_536) throw new Error(`a pushed page of ${bytes.length} bytes`);
    if (!this.alive) return;
    const page = Assignment.decode(bytes);
    if (this.#joined !== undefined) this.#joined = { ...page, leases: [...this.#joined.leases, ...page.leases] };
    else this.#joined = page;
    if (more) return;
    this.pushed.push(this.#joined);
    this.#joined = undefined;
  }

  send(parts: readonly Uint8Array[]): void {
    if (this.alive) this.sent.push(parts[0] as Uint8Array);
  }

  requestEnded(): void {}

  #joined: Assignment | undefined;
}

/** What came of a request: the pages of its answer, or an error; nothing before. */
export class Answer<N extends LiveFrame> {
  readonly #session: FakeSession;
  readonly #name: N;
  readonly #correlation: number;

  constructor(session: FakeSession, name: N, correlation: number) {
    this.#session = session;
    this.#name = name;
    this.#correlation = correlation;
  }

  #frames(): ReturnType<typeof decodeFrame>[] {
    return this.#session.sent.map((bytes) => decodeFrame(bytes)).filter((frame) => frame.correlation === this.#correlation);
  }

  get done(): boolean {
    return this.#frames().some((frame) => (frame.flags & Flag.MORE) === 0);
  }

  get error(): { code: string; message: string } | undefined {
    const frame = this.#frames().find((f) => (f.flags & Flag.ERROR) !== 0);
    if (frame === undefined) return undefined;
    const { code, message } = ErrorInfo.decode(frame.control);
    return { code: codeOfWireNumber(code), message };
  }

  get pages(): ResponseHeader<N>[] {
    if (this.error !== undefined) throw new Error(`${this.#name}: ${this.error.code}: ${this.error.message}`);
    return this.#frames().map((frame) => responseCodec(this.#name).decode(frame.control) as ResponseHeader<N>);
  }

  get ok(): ResponseHeader<N> {
    const [page] = this.pages;
    if (page === undefined || !this.done) throw new Error(`${this.#name} is not answered`);
    return page;
  }
}

interface FakeTopic {
  readonly id: number;
  queues: number;
  oldest: number[];
  /** Store times of all messages of a queue, by offset. */
  stored: number[][];
}

/** The world around the groups of one broker: a log whose durability the test decides, topics, virtual time, restarts. */
export class GroupWorld {
  readonly brokerName: string;
  readonly topics = new Map<string, FakeTopic>();
  readonly #names = new Map<number, string>();
  readonly others = new Map<string, TopicShareOf[]>();
  readonly log: StateRecord[] = [];
  readonly watched = new Set<string>();
  readonly ended: string[] = [];
  readonly options: Partial<GroupOptions>;
  nowMs = 1_000;
  term = 0;
  groups!: Groups;
  context!: EngineContext;
  #staged: { record: StateRecord; settle: Settle }[] = [];
  #counter = 0;
  #topicId = 0;
  #snapshot: { states: GroupState[]; at: number } = { states: [], at: 0 };

  constructor(options: Partial<GroupOptions> = {}, brokerName = 'broker-a') {
    this.options = options;
    this.brokerName = brokerName;
    this.restart();
  }

  // ---- the broker ----

  /** Ends this life of the broker and begins the next, from the snapshot and the log behind it. What was staged is lost. */
  restart(): void {
    this.#staged = [];
    this.term++;
    this.#counter = 0;
    this.context = new EngineContext(new Random(7));
    this.#enter();
    this.groups = new Groups(this.#host(this.context), this.options);
    this.groups.restore(this.#snapshot.states);
    for (const record of this.log.slice(this.#snapshot.at)) this.groups.apply(record);
    this.groups.start();
  }

  takeSnapshot(): void {
    const states = this.groups.snapshot().map((state) => GroupState.decode(GroupState.encode(state)));
    this.#snapshot = { states, at: this.log.length };
  }

  #enter(): void {
    this.context.enter(this.nowMs);
    if (this.context.wallMs() !== Math.floor(this.nowMs) + 1_000_000)
      this.context.handle({ kind: 'wallClock', offsetMs: 1_000_000 });
  }

  get wallMs(): number {
    return this.nowMs + 1_000_000;
  }

  #host(engine: EngineHost): GroupHost {
    return {
      engine,
      brokerName: this.brokerName,
      topic: (name) => this.topics.get(name),
      topicName: (id) => this.#names.get(id),
      bounds: (id, queue) => {
        const topic = this.#topicOf(id);
        return { oldest: topic.oldest[queue] as number, highWatermark: (topic.stored[queue] as number[]).length };
      },
      offsetByTime: (id, queue, timeMs) => {
        const times = this.#topicOf(id).stored[queue] as number[];
        const at = times.findIndex((time) => time >= timeMs);
        return at < 0 ? times.length : at;
      },
      shares: (name) => {
        const own = this.topics.get(name);
        const all = [...(this.others.get(name) ?? [])];
        if (own !== undefined) all.push({ broker: this.brokerName, queues: own.queues });
        return all.sort((a, b) => (a.broker < b.broker ? -1 : 1));
      },
      appendState: (record: StateRecordInit, settle) => {
        this.#staged.push({ record: StateRecord.decode(StateRecord.encode(record)), settle });
      },
      nextEpoch: () => this.term * 2 ** 20 + ++this.#counter,
      watchTopic: (topic) => void this.watched.add(topic),
      leasesEnded: (group) => void this.ended.push(group),
    };
  }

  #topicOf(id: number): FakeTopic {
    const topic = this.topics.get(this.#names.get(id) ?? '');
    if (topic === undefined) throw new Error(`topic ${id} is asked for and does not exist`);
    return topic;
  }

  // ---- the log ----

  get staged(): readonly StateRecord[] {
    return this.#staged.map(({ record }) => record);
  }

  /** What is staged, or the first `count` of it, becomes durable: all is applied, then settled. Does not run what that stages. */
  sync(count = this.#staged.length): void {
    const done = this.#staged.splice(0, count);
    this.#enter();
    for (const { record } of done) {
      this.log.push(record);
      this.groups.apply(record);
    }
    for (const { settle } of done) settle(undefined);
    this.tick();
  }

  /** Until nothing is staged any more. */
  settle(): void {
    for (let i = 0; this.#staged.length > 0; i++) {
      if (i > 100) throw new Error(`it never settles: ${JSON.stringify(this.staged)}`);
      this.sync();
    }
  }

  /** The write of all that is staged fails and is cut off the log. */
  rollBack(): void {
    const lost = this.#staged;
    this.#staged = [];
    this.#enter();
    this.groups.rolledBack();
    for (const { settle } of lost) settle(new QanatError('STORAGE_REJECTED', 'the disk said no'));
    this.tick();
  }

  // ---- time ----

  tick(): void {
    this.#enter();
    this.context.timers.tick(this.nowMs);
  }

  /** Time passes; with `durable`, what is staged becomes durable at once. */
  pass(ms: number, durable = true): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      if (durable) this.settle();
      const next = this.context.timers.nextDeadlineMs();
      if (next === undefined || next > endMs) break;
      this.nowMs = Math.max(this.nowMs, next);
      this.tick();
    }
    this.nowMs = endMs;
    this.tick();
  }

  // ---- topics ----

  topic(name: string, queues: number, messages = 0): void {
    this.#topicId++;
    this.#names.set(this.#topicId, name);
    this.topics.set(name, {
      id: this.#topicId,
      queues,
      oldest: Array.from({ length: queues }, () => 0),
      stored: Array.from({ length: queues }, () => Array.from({ length: messages }, () => this.wallMs)),
    });
    this.groups.topologyChanged(name);
  }

  /** Stores messages in a queue. */
  store(name: string, queue: number, messages: number): void {
    for (let i = 0; i < messages; i++) this.topics.get(name)?.stored[queue]?.push(this.wallMs);
  }

  alter(name: string, queues: number): void {
    const topic = this.topics.get(name) as FakeTopic;
    for (let queue = topic.queues; queue < queues; queue++) {
      topic.oldest.push(0);
      topic.stored.push([]);
    }
    topic.queues = queues;
    this.groups.topologyChanged(name);
  }

  removeTopic(name: string): void {
    const topic = this.topics.get(name) as FakeTopic;
    this.topics.delete(name);
    this.#names.delete(topic.id);
    this.groups.topicRemoved(topic.id);
  }

  // ---- frames ----

  request<N extends LiveFrame>(session: FakeSession, name: N, init: RequestInit<N>): Answer<N> {
    this.#enter();
    const correlation = nextCorrelation;
    nextCorrelation += 2;
    const header = requestCodec(name).decode(requestCodec(name).encode(init)) as RequestHeader<N>;
    const frame = { type: 0, flags: 0, correlation, control: new Uint8Array(0), payload: new Uint8Array(0) };
    const request = new Request(session as unknown as ServerSession, name, [header], frame);
    try {
      if (!this.groups.handle(request as unknown as Request)) throw new Error(`${name} is not of groups`);
    } catch (error) {
      if (!QanatError.is(error)) throw error;
      request.fail(error);
    }
    this.tick();
    return new Answer(session, name, correlation);
  }

  close(session: FakeSession): void {
    session.alive = false;
    this.#enter();
    this.groups.sessionClosed(session as unknown as ServerSession);
  }
}

/** What a group has committed, as OFFSET_FETCH says. */
export function committed(world: GroupWorld, topic: string, queue: number, group = 'g'): number | undefined {
  const answer = world.request(new FakeSession('tool'), 'OFFSET_FETCH', { group, queues: [{ topic, queue }] });
  const offset = answer.ok.offsets[0];
  return offset?.committed === true ? offset.offset : undefined;
}

export const codes = (answer: Answer<'OFFSET_COMMIT'> | Answer<'RELEASE'> | Answer<'LEAVE'>): string[] =>
  answer.ok.results.map(({ code }) => codeOfWireNumber(code));

/** The leases that the log says are alive, by topic id and queue; throws where it grants over a living one. */
export function leasesOfLog(log: readonly StateRecord[]): Map<string, LeaseGranted> {
  const leases = new Map<string, LeaseGranted>();
  for (const { leaseGranted, leaseEnded, topicRemoved } of log) {
    if (leaseGranted !== undefined) {
      const key = `${leaseGranted.group}:${leaseGranted.topicId}/${leaseGranted.queue}`;
      if (leases.has(key)) throw new Error(`${key} is granted while a lease is alive`);
      leases.set(key, leaseGranted);
    }
    if (leaseEnded !== undefined) {
      const key = `${leaseEnded.group}:${leaseEnded.topicId}/${leaseEnded.queue}`;
      if (leases.get(key)?.epoch === leaseEnded.epoch) leases.delete(key);
    }
    if (topicRemoved !== undefined)
      for (const [key, lease] of leases) if (lease.topicId === topicRemoved.topicId) leases.delete(key);
  }
  return leases;
}

import type { Request, ServerSession } from '../../src/connection/server-session.ts';
import { QanatError } from '../../src/errors.ts';
import type { Random } from '../../src/random.ts';
import { readBatchHeader } from '../../src/wire/batch.ts';
import { readUint32 } from '../../src/wire/bytes.ts';
import type { HelloOkInit } from '../../src/wire/gen/messages.ts';
import { Feature, ReplicaRole } from '../../src/wire/gen/registry.ts';
import { RecordReader } from '../../src/wire/record.ts';
import { testPlatform } from '../platform.ts';
import { brokerIdentity, FakeServer } from './world.ts';

interface Remembered {
  readonly base: number;
  readonly count: number;
  readonly checksum: number;
  readonly offset: number;
}

interface ProducerQueue {
  next: number;
  batches: Remembered[];
}

interface ProducerRecord {
  session: ServerSession | undefined;
  readonly queues: Map<string, ProducerQueue>;
}

/** What a test does with a SEND: takes it out of the broker's hands by answering or dropping it, or lets it pass. */
export type Meddle = (send: Request<'SEND'>, broker: FakeBroker) => boolean;

/** A broker that keeps the rules of idempotent sends, and stores in memory. */
export class FakeBroker extends FakeServer {
  readonly features: readonly number[] = [Feature.FEATURE_REPLICATION];
  /** Bodies by `topic/queue`. */
  readonly logs = new Map<string, string[]>();
  /** Every SEND that came, in order: `topic/queue@sequence+count`. */
  readonly sends: string[] = [];
  readonly topics = new Set<string>();
  readonly creations: string[] = [];
  inits = 0;
  createsTopics = true;
  /** Its number in the broker group. */
  replica = 0;
  slave = false;
  /** How long storing takes, ms. */
  storeMs = 0.5;
  meddle: Meddle | undefined;
  /** Answers what is not about producing. */
  admin: ((request: Request) => boolean) | undefined;
  onCreate: ((topic: string) => void) | undefined;
  later: (ms: number, run: () => void) => void = (_, run) => run();
  #producers = new Map<number, ProducerRecord>();
  #nextProducer = 1;

  constructor(name: string, address: string, random: Random) {
    super(name, address, random);
  }

  identity(): HelloOkInit {
    const replicaRole = this.slave ? ReplicaRole.SLAVE : ReplicaRole.MASTER;
    return { ...brokerIdentity(this.name), replica: this.replica, replicaRole };
  }

  forgetProducers(): void {
    this.#producers.clear();
    this.#nextProducer += 100;
  }

  /** Has from now on what the master had: the logs, and the windows of producers, which are of the log. */
  copy(master: FakeBroker): void {
    for (const [name, log] of master.logs) this.logs.set(name, [...log]);
    for (const [id, { queues }] of master.#producers) {
      const copies = [...queues].map(([name, { next, batches }]): [string, ProducerQueue] => [
        name,
        { next, batches: [...batches] },
      ]);
      this.#producers.set(id, { session: undefined, queues: new Map(copies) });
    }
  }

  goAway(): void {
    this.sessions.goAway(new QanatError('SHUTTING_DOWN', 'bye'), 5_000);
  }

  log(topic: string, queue: number): string[] {
    const name = `${topic}/${queue}`;
    const log = this.logs.get(name) ?? [];
    this.logs.set(name, log);
    return log;
  }

  override onClosed(session: ServerSession): void {
    for (const producer of this.#producers.values()) if (producer.session === session) producer.session = undefined;
  }

  onRequest(request: Request): void {
    if (request.name === 'INIT_PRODUCER') return this.#init(request as Request<'INIT_PRODUCER'>);
    if (this.admin?.(request) === true) return;
    if (request.name === 'TOPIC_CREATE') return this.#create(request as Request<'TOPIC_CREATE'>);
    if (request.name !== 'SEND') throw new QanatError('UNSUPPORTED_FRAME', request.name);
    const send = request as Request<'SEND'>;
    const { baseSequence, recordCount } = readBatchHeader(send.payload);
    this.sends.push(`${send.header.topic}/${send.header.queue}@${baseSequence}+${recordCount}`);
    if (this.meddle?.(send, this) === true) return;
    this.store(send);
  }

  #create(request: Request<'TOPIC_CREATE'>): void {
    this.creations.push(request.header.topic);
    if (!this.createsTopics) throw new QanatError('CREATION_DISABLED', 'no');
    this.topics.add(request.header.topic);
    this.onCreate?.(request.header.topic);
    request.respond({ queues: 4 });
  }

  #init(request: Request<'INIT_PRODUCER'>): void {
    this.inits++;
    const { producerId } = request.header;
    if (producerId !== 0 && !this.#producers.has(producerId)) throw new QanatError('UNKNOWN_PRODUCER', `producer ${producerId}`);
    const id = producerId === 0 ? this.#nextProducer++ : producerId;
    const known = this.#producers.get(id);
    if (known === undefined) this.#producers.set(id, { session: request.session, queues: new Map() });
    else known.session = request.session;
    request.respond({ producerId: id, epoch: 0 });
  }

  /** Stores as the rules say at once, and answers after `delayMs` unless `silent`. */
  store(send: Request<'SEND'>, silent = false, delayMs = 0): void {
    const { topic, queue } = send.header;
    const header = readBatchHeader(send.payload);
    const checksum = readUint32(send.payload, 32);
    const log = this.log(topic, queue);
    const answer = (baseOffset: number, duplicate: boolean): void => {
      if (silent) return;
      this.later(this.storeMs + delayMs, () => send.respond({ baseOffset, storeTimeMs: 1234, duplicate }));
    };
    const fail = (error: QanatError): void => {
      if (delayMs === 0) send.fail(error);
      else this.later(delayMs, () => send.fail(error));
    };
    if (testPlatform.crc32(send.payload.subarray(36), 0) !== checksum) return fail(new QanatError('INVALID_BATCH', 'checksum'));
    if (header.producerId === 0) {
      const offset = log.length;
      log.push(...bodies(send.payload));
      return answer(offset, false);
    }
    const producer = this.#producers.get(header.producerId);
    if (producer === undefined) return fail(new QanatError('UNKNOWN_PRODUCER', 'unknown id'));
    if (producer.session !== send.session) return fail(new QanatError('PRODUCER_FENCED', 'fenced'));
    const state = producer.queues.get(`${topic}/${queue}`) ?? { next: 0, batches: [] };
    producer.queues.set(`${topic}/${queue}`, state);
    const ahead = (header.baseSequence - state.next) | 0;
    if (ahead > 0) return fail(new QanatError('SEQUENCE_GAP', `expected ${state.next}`, { expectedSequence: state.next }));
    if (ahead < 0) {
      const same = state.batches.find(
        (b) => b.base === header.baseSequence && b.count === header.recordCount && b.checksum === checksum,
      );
      if (same === undefined) return fail(new QanatError('SEQUENCE_CONFLICT', 'conflict'));
      return answer(same.offset, true);
    }
    const offset = log.length;
    log.push(...bodies(send.payload));
    state.next = (state.next + header.recordCount) >>> 0;
    state.batches.push({ base: header.baseSequence, count: header.recordCount, checksum, offset });
    if (state.batches.length > 64) state.batches.shift();
    answer(offset, false);
  }
}

export function bodies(batch: Uint8Array): string[] {
  const reader = new RecordReader(testPlatform, batch);
  const texts: string[] = [];
  while (reader.next()) texts.push(String.fromCharCode(...reader.body.subarray(0, 64)));
  return texts;
}

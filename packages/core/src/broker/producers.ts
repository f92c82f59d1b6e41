import type { Request, ServerSession } from '../connection/server-session.ts';
import type { EngineHost } from '../context.ts';
import { QanatError } from '../errors.ts';
import type { BatchHeader } from '../wire/batch.ts';
import type { ProducerNamed, ProducerNamedInit, ProducerState, ProducerStateInit } from '../wire/gen/messages.ts';
import type { BrokerLimits } from './broker-options.ts';
import type { CommitLog } from './log/commit-log.ts';
import type { Producer } from './producer.ts';
import { ProducerTable } from './producer-table.ts';
import type { PendingBatch, SequenceWindow } from './sequence-window.ts';
import type { Term } from './term.ts';

/** Epochs have 16 bits in a batch; a name whose epochs are used up gets a new id. */
const EPOCH_MAX = 0xffff;

/** What a snapshot says of one producer id. */
export interface ProducerSnapshot {
  readonly state: ProducerStateInit;
  readonly named: ProducerNamedInit | undefined;
}

/** Empty where nobody is asked. */
const principalOf = (session: ServerSession): string => session.principal?.name ?? '';

/** Producer ids: who holds which, and which batches are stored already (spec, chapter of produce). */
export class Producers {
  readonly #host: EngineHost;
  readonly #log: CommitLog;
  readonly #term: Term;
  readonly #table: ProducerTable;

  constructor(host: EngineHost, limits: BrokerLimits, log: CommitLog, term: Term) {
    this.#host = host;
    this.#log = log;
    this.#term = term;
    this.#table = new ProducerTable(host, limits);
  }

  get size(): number {
    return this.#table.size;
  }

  // ---- requests ----

  /** INIT_PRODUCER. @throws QanatError UNKNOWN_PRODUCER, PRODUCER_FENCED, INVALID_ARGUMENT. */
  init(request: Request<'INIT_PRODUCER'>): void {
    const { name, producerId } = request.header;
    if (request.oneWay) return;
    if (producerId !== 0) this.#takeOver(request, producerId);
    else if (name !== '') this.#initNamed(request, name);
    else {
      this.#term.nextProducerId((error, id) => {
        if (error !== undefined) return request.fail(error);
        if (!request.session.alive) return undefined;
        this.#bind(this.#table.add(id, this.#host.wallMs()), request.session);
        return request.respond({ producerId: id });
      });
    }
  }

  /**
   * The producer of a batch that came on this connection.
   * @throws QanatError UNKNOWN_PRODUCER, PRODUCER_FENCED.
   */
  holder(session: ServerSession, header: BatchHeader): Producer {
    const producer = this.#table.get(header.producerId);
    if (producer === undefined) throw new QanatError('UNKNOWN_PRODUCER', `producer id ${header.producerId} is not known here`);
    if (producer.session !== session) {
      if (producer.former.includes(session))
        throw new QanatError('PRODUCER_FENCED', `another connection took producer id ${producer.id} over`);
      throw new QanatError('UNKNOWN_PRODUCER', `this connection does not hold producer id ${producer.id}`);
    }
    if (header.producerEpoch < producer.stagedEpoch) {
      throw new QanatError(
        'PRODUCER_FENCED',
        `producer ${producer.name} has epoch ${producer.stagedEpoch}, not ${header.producerEpoch}`,
      );
    }
    if (header.producerEpoch > producer.stagedEpoch) {
      throw new QanatError('UNKNOWN_PRODUCER', `producer id ${producer.id} never had epoch ${header.producerEpoch}`);
    }
    this.#table.used(producer);
    return producer;
  }

  sessionClosed(session: ServerSession): void {
    this.#table.sessionClosed(session);
  }

  #takeOver(request: Request<'INIT_PRODUCER'>, id: number): void {
    const { name, epoch } = request.header;
    const producer = this.#table.get(id);
    if (producer === undefined) throw new QanatError('UNKNOWN_PRODUCER', `producer id ${id} is not known here`);
    if (name !== '' && producer.name !== name)
      throw new QanatError('INVALID_ARGUMENT', `producer id ${id} does not have the name ${name}`);
    const { owner } = producer;
    if (owner !== '' && owner !== principalOf(request.session))
      throw new QanatError('FORBIDDEN', `producer id ${id} is another principal's`);
    if (producer.stagedEpoch !== epoch) {
      throw new QanatError('PRODUCER_FENCED', `producer id ${id} has epoch ${producer.stagedEpoch}, not ${epoch}`);
    }
    this.#bind(producer, request.session);
    request.respond({ producerId: id, epoch });
  }

  #initNamed(request: Request<'INIT_PRODUCER'>, name: string): void {
    const known = this.#table.byName(name, principalOf(request.session));
    if (known !== undefined && known.stagedEpoch < EPOCH_MAX)
      return this.#logName(request, name, known.id, known.stagedEpoch + 1);
    return this.#term.nextProducerId((error, id) => {
      if (error === undefined) this.#logName(request, name, id, 0);
      else request.fail(error);
    });
  }

  /** The former holder is fenced at once: what it sends from now on would stand behind the record. */
  #logName(request: Request<'INIT_PRODUCER'>, name: string, producerId: number, epoch: number): void {
    const known = this.#table.get(producerId);
    if (known !== undefined) known.stagedEpoch = epoch;
    const principal = principalOf(request.session);
    this.#log.appendState({ producerNamed: { name, producerId, epoch, principal } }, (error) => {
      if (error !== undefined) return request.fail(error);
      const producer = this.#table.get(producerId);
      if (producer === undefined || !request.session.alive) return undefined;
      if (producer.stagedEpoch === epoch) this.#bind(producer, request.session);
      return request.respond({ producerId, epoch });
    });
  }

  // ---- what the log says ----

  restore(states: readonly ProducerState[], names: readonly ProducerNamed[]): void {
    for (const state of states) {
      const producer = this.#table.add(state.producerId, state.lastUsedMs);
      producer.beginEpoch(state.epoch);
      for (const { topicId, queue, nextSequence, batches } of state.queues)
        producer.window(topicId, queue).restore(nextSequence, batches);
    }
    for (const { name, producerId, principal } of names) {
      const producer = this.#table.get(producerId);
      if (producer !== undefined) this.#table.name(producer, name, principal);
    }
  }

  /** The log is recovered: ids that were idle for too long are forgotten. */
  recovered(): void {
    this.#table.settleAges(this.#host.wallMs());
  }

  /** A batch with a producer id is in the log for ever. Its duplicates that wait are answered. */
  committed(topicId: number, queue: number, header: BatchHeader): void {
    const { producerId, baseSequence, recordCount, bodyChecksum, baseOffset, storeTimeMs } = header;
    const producer = this.#table.get(producerId) ?? this.#table.add(producerId, storeTimeMs);
    if (header.producerEpoch !== producer.epoch) producer.beginEpoch(header.producerEpoch);
    producer.lastUsedMs = storeTimeMs;
    const pending = producer.window(topicId, queue).committed(baseSequence, recordCount, bodyChecksum, baseOffset, storeTimeMs);
    for (const request of pending?.waiting ?? []) request.respond({ baseOffset, storeTimeMs, duplicate: true });
  }

  named({ name, producerId, epoch, principal }: ProducerNamed): void {
    const producer = this.#table.get(producerId) ?? this.#table.add(producerId, this.#host.wallMs());
    producer.beginEpoch(epoch);
    this.#table.name(producer, name, principal);
  }

  rolledBack(): void {
    const error = new QanatError('STORAGE_REJECTED', 'the write failed and was cut off the log');
    this.#failWaiting((window) => window.rolledBack(), error);
    for (const producer of this.#table.all()) producer.stagedEpoch = producer.epoch;
  }

  /** The store failed: nobody knows what became of the originals. */
  storeFailed(): void {
    this.#failWaiting(
      (window) => window.rolledBack(),
      new QanatError('OUTCOME_UNKNOWN', 'the store failed before the original was decided'),
    );
  }

  /** All ids, the one used longest ago first: the order in which they are restored. */
  ids(): number[] {
    return Array.from(this.#table.inOrderOfUse(), ({ id }) => id);
  }

  snapshotOf(id: number, hasTopic: (topicId: number) => boolean): ProducerSnapshot | undefined {
    const producer = this.#table.peek(id);
    if (producer === undefined) return undefined;
    const { name, epoch, principal } = producer;
    const named = name === undefined ? undefined : { name, producerId: id, epoch, principal };
    return { state: producer.snapshot(hasTopic), named };
  }

  #bind(producer: Producer, session: ServerSession): void {
    if (producer.owner === '') producer.owner = principalOf(session);
    this.#table.bind(producer, session);
  }

  #failWaiting(take: (window: SequenceWindow) => readonly PendingBatch[], error: QanatError): void {
    for (const producer of this.#table.all()) {
      for (const window of producer.windows()) {
        for (const batch of take(window)) for (const request of batch.waiting ?? []) request.fail(error);
      }
    }
  }
}

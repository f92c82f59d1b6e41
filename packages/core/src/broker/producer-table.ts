import type { ServerSession } from '../connection/server-session.ts';
import type { EngineHost } from '../context.ts';
import type { BrokerLimits } from './broker-options.ts';
import { Producer } from './producer.ts';

/** A principal's name has no blank. */
const nameKey = (name: string, principal: string): string => `${principal} ${name}`;

/** The producer ids that the broker remembers, in the order of their use; the one used longest ago is forgotten first. */
export class ProducerTable {
  readonly #host: EngineHost;
  readonly #limits: BrokerLimits;
  readonly #byId = new Map<number, Producer>();
  readonly #byName = new Map<string, Producer>();
  /** The ids that each connection holds or held. */
  readonly #bySession = new Map<ServerSession, Set<Producer>>();
  #newest: Producer | undefined;
  #oldest: Producer | undefined;

  constructor(host: EngineHost, limits: BrokerLimits) {
    this.#host = host;
    this.#limits = limits;
  }

  get size(): number {
    return this.#byId.size;
  }

  all(): Iterable<Producer> {
    return this.#byId.values();
  }

  /** From the one used longest ago on. */
  *inOrderOfUse(): Iterable<Producer> {
    for (let producer = this.#oldest; producer !== undefined; producer = producer.newer) yield producer;
  }

  /** As it is, idle or not. */
  peek(id: number): Producer | undefined {
    return this.#byId.get(id);
  }

  get(id: number): Producer | undefined {
    const producer = this.#byId.get(id);
    if (producer === undefined || !this.#isIdle(producer)) return producer;
    this.#forget(producer);
    return undefined;
  }

  /** Each principal has names of its own (QNT-ATZ-009). */
  byName(name: string, principal: string): Producer | undefined {
    const producer = this.#byName.get(nameKey(name, principal));
    return producer === undefined ? undefined : this.get(producer.id);
  }

  add(id: number, lastUsedMs: number): Producer {
    this.#makeRoom();
    const producer = new Producer(id, lastUsedMs, this.#host.nowMs());
    this.#byId.set(id, producer);
    this.#pushNewest(producer);
    return producer;
  }

  /** The name belongs to this id from now on; the id that had it before is no longer durable. */
  name(producer: Producer, name: string, principal: string): void {
    const former = this.#byName.get(nameKey(name, principal));
    if (former !== undefined && former !== producer) this.#forget(former);
    producer.name = name;
    producer.principal = principal;
    if (principal !== '') producer.owner = principal;
    this.#byName.set(nameKey(name, principal), producer);
  }

  used(producer: Producer): void {
    producer.usedMs = this.#host.nowMs();
    if (producer === this.#newest) return;
    this.#unlink(producer);
    this.#pushNewest(producer);
  }

  bind(producer: Producer, session: ServerSession): void {
    producer.bind(session);
    const held = this.#bySession.get(session);
    if (held === undefined) this.#bySession.set(session, new Set([producer]));
    else held.add(producer);
    this.used(producer);
  }

  sessionClosed(session: ServerSession): void {
    for (const producer of this.#bySession.get(session) ?? []) producer.unbind(session);
    this.#bySession.delete(session);
  }

  /** After a recovery: what the wall clock says of the time since the last use, in terms of the monotonic one. */
  settleAges(wallMs: number): void {
    const nowMs = this.#host.nowMs();
    for (const producer of this.#byId.values()) producer.usedMs = nowMs - Math.max(0, wallMs - producer.lastUsedMs);
  }

  #isIdle(producer: Producer): boolean {
    return this.#host.nowMs() - producer.usedMs >= this.#limits.producerIdleMs && !producer.busy;
  }

  #makeRoom(): void {
    while (this.#oldest !== undefined && this.#isIdle(this.#oldest)) this.#forget(this.#oldest);
    let candidate = this.#oldest;
    while (this.#byId.size >= this.#limits.producersMax && candidate !== undefined) {
      const next: Producer | undefined = candidate.newer;
      if (!candidate.busy) this.#forget(candidate);
      candidate = next;
    }
  }

  #forget(producer: Producer): void {
    this.#byId.delete(producer.id);
    const key = nameKey(producer.name ?? '', producer.principal);
    if (this.#byName.get(key) === producer) this.#byName.delete(key);
    this.#unlink(producer);
    if (producer.session !== undefined) this.#bySession.get(producer.session)?.delete(producer);
    for (const session of producer.former) this.#bySession.get(session)?.delete(producer);
  }

  #pushNewest(producer: Producer): void {
    producer.older = this.#newest;
    producer.newer = undefined;
    if (this.#newest !== undefined) this.#newest.newer = producer;
    this.#newest = producer;
    this.#oldest ??= producer;
  }

  #unlink(producer: Producer): void {
    if (producer.older !== undefined) producer.older.newer = producer.newer;
    else this.#oldest = producer.newer;
    if (producer.newer !== undefined) producer.newer.older = producer.older;
    else this.#newest = producer.older;
    producer.older = undefined;
    producer.newer = undefined;
  }
}

import type { QanatError } from '../../errors.ts';
import type { Timer } from '../../timers.ts';
import { isMasterGone, liveSlaves } from '../read-peers.ts';
import type { ConsumerScope } from './scope.ts';

/** How soon it is looked again whether the master can be reached, or a slave in its place. */
const LOOK_MS = 250;
/** How long a master that the routes mark away, though it is connected, may take to answer PING. */
const PROBE_MS = 1_000;

/**
 * Where a consumer reads a broker group, and who keeps its leases: the master; while that does not answer, a slave that is live.
 * Where the application wants to read at slaves, or in its zone, it does, and the master keeps the leases nevertheless.
 */
export class ReadPlace {
  /** The peer that is pulled. */
  source: string;
  /** The peer that hears the heartbeats. */
  keeper: string;
  readonly #scope: ConsumerScope;
  readonly #broker: string;
  readonly #onMoved: () => void;
  /** The slave to which a connection is held. */
  #slave: { readonly peer: string; readonly unhold: () => void } | undefined;
  /** The master did not answer on its last connection: it is not waited for again. */
  #isSilent = false;
  #probing = false;
  #timer: Timer | undefined;
  #stopped = false;

  /** @param onMoved `source` or `keeper` may be another: `choose` is to be called. */
  constructor(scope: ConsumerScope, broker: string, onMoved: () => void) {
    this.#scope = scope;
    this.#broker = broker;
    this.#onMoved = onMoved;
    this.source = broker;
    this.keeper = broker;
  }

  /** Whether a master hears what this consumer commits. */
  get atMaster(): boolean {
    return this.keeper === this.#broker;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#dropSlave();
  }

  /** The connection to a peer is gone. */
  closed(peer: string, error: QanatError | undefined): void {
    if (peer === this.#broker) this.#isSilent = error?.code === 'TIMEOUT' || error?.code === 'IDLE_TIMEOUT';
  }

  /** A slave answers, and serves nothing: another one is tried. */
  refused(peer: string): void {
    if (peer === this.#slave?.peer) this.#nextOf(this.#slaves());
  }

  /** The routes mark the master away: a connection that only seems open is given up. */
  suspectMaster(): void {
    const { host } = this.#scope;
    if (this.#probing || this.#stopped || !host.isOpen(this.#broker)) return;
    this.#probing = true;
    host.request(this.#broker, 'PING', {}, { timeoutMs: PROBE_MS }, (error) => {
      this.#probing = false;
      if (error?.code === 'TIMEOUT' && !this.#stopped) host.suspect(this.#broker, error);
    });
  }

  /** Looks at the connections, and chooses `source` and `keeper` by them. */
  choose(): void {
    if (this.#stopped) return;
    const { host } = this.#scope;
    const isMasterUp = host.isOpen(this.#broker);
    if (isMasterUp) this.#isSilent = false;
    const slaves = this.#slaves();
    if (slaves.length > 0) this.#holdOneOf(slaves);
    else if (isMasterUp) this.#dropSlave();
    const slave = this.#slave !== undefined && host.isOpen(this.#slave.peer) ? this.#slave.peer : undefined;
    const before = this.source;
    this.source = slave ?? this.#broker;
    this.keeper = isMasterUp ? this.#broker : this.source;
    if (this.source !== before) this.#tell();
    if (!isMasterUp || (this.#prefersSlaves && slave === undefined)) this.#lookAgain();
  }

  /** Whether the application wants to read elsewhere than at the master. */
  get #prefersSlaves(): boolean {
    const { host, settings } = this.#scope;
    const { readFrom } = settings;
    return typeof readFrom === 'object' ? host.known(this.#broker)?.zone !== readFrom.zone : readFrom === 'slave';
  }

  /** Those at which it may read now: what the application wants, and any while the master does not answer. */
  #slaves(): readonly string[] {
    const { host, settings } = this.#scope;
    const { readFrom } = settings;
    const all = liveSlaves(host, this.#broker);
    const isNear = (peer: string): boolean => typeof readFrom !== 'object' || host.known(peer)?.zone === readFrom.zone;
    const wanted = this.#prefersSlaves ? all.filter(isNear) : [];
    const isMasterLost = !host.isOpen(this.#broker) && (this.#isSilent || isMasterGone(host, this.#broker));
    return wanted.length === 0 && isMasterLost ? all : wanted;
  }

  #lookAgain(): void {
    const { engine } = this.#scope.host;
    this.#timer?.cancel();
    this.#timer = engine.timers.at(engine.nowMs() + LOOK_MS, () => this.#onMoved());
  }

  /** One that cannot be reached makes room for the next. */
  #holdOneOf(slaves: readonly string[]): void {
    const { host } = this.#scope;
    const held = this.#slave?.peer;
    const isGood = held !== undefined && slaves.includes(held) && (host.isOpen(held) || host.whyNotOpen(held) === undefined);
    if (!isGood) this.#nextOf(slaves);
  }

  /** The first one by chance, so that the readers of a group divide over its slaves. */
  #nextOf(slaves: readonly string[]): void {
    const { host } = this.#scope;
    if (slaves.length === 0) return;
    const at = this.#slave === undefined ? Math.floor(host.engine.random.fraction() * slaves.length) : -1;
    const next = slaves[at < 0 ? (slaves.indexOf(this.#slave?.peer as string) + 1) % slaves.length : at] as string;
    if (next === this.#slave?.peer) return;
    this.#dropSlave();
    this.#slave = { peer: next, unhold: host.hold(next) };
  }

  #dropSlave(): void {
    this.#slave?.unhold();
    this.#slave = undefined;
  }

  /** A consumer never reads elsewhere in silence. */
  #tell(): void {
    const { host, id } = this.#scope;
    const broker = this.#broker;
    const isMaster = this.source === broker;
    if (isMaster && !host.isOpen(broker)) return;
    const why = host.whyNotOpen(broker)?.message ?? `broker ${broker} does not answer`;
    const message = isMaster ? 'the master is there' : host.isOpen(broker) ? 'as asked for' : why;
    this.#scope.event({ kind: 'reading', consumer: id, broker, from: isMaster ? 'master' : 'slave', peer: this.source, message });
  }
}

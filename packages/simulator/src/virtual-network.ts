import {
  type Clock,
  type Connection,
  type ConnectionHandler,
  Exchange,
  type HostPort,
  type LanePolicy,
  type Listener,
  parseHostPort,
  QanatError,
  type Random,
  type Transport,
} from '@qanat/core';

export interface VirtualNetworkOptions {
  /** Virtual milliseconds from one host to another, asked for each message. Default 0: the next turn of the clock. */
  readonly latencyMs?: number | ((from: string, to: string) => number);
  /** Default `mem` and `qanat`, so that addresses of real deployments work too. */
  readonly schemes?: readonly string[];
  /** Needed for everything that happens by chance: conditions of links, resets. */
  readonly random?: Random;
  /** The clock of a host's process, where that may stand still. Default: that of the network. */
  readonly clockOf?: (host: string) => Pick<Clock, 'at' | 'nowMs'>;
}

/** How bad the way from one host to another is. All that is left out is good. */
export interface LinkConditions {
  /** Every message takes up to so many milliseconds more. */
  readonly jitterMs?: number;
  /** The share of messages that take much longer, and how much longer at most. What follows on the connection waits for them. */
  readonly spikeRate?: number;
  readonly spikeMs?: number;
  /** Bytes per millisecond: a reader or a line that is slow, so that the sender is held back. */
  readonly bytesPerMs?: number;
  /** The share of diallings that are lost. */
  readonly dialLossRate?: number;
}

type Accept = (connection: Connection) => ConnectionHandler;
type ListenDone = (error: QanatError | undefined, listener: Listener | undefined) => void;

/** Addresses that mean the host itself when it listens. */
const ANY_HOST: ReadonlySet<string> = new Set(['0.0.0.0', '::', '127.0.0.1', 'localhost']);

const PERFECT: LinkConditions = {};

/**
 * A network of hosts in virtual time. Hosts are labels; they exist by being named. Links between hosts are cut and healed, each
 * way or both: what is under way waits, as under TCP, and arrives after the heal; dialling over a cut link ends by its time-out.
 *
 * A stream of TCP neither loses, repeats nor reorders what it carries. What a bad network does shows in connections: they are
 * slow, break off in the middle of a frame, or keep silent for ever; diallings are lost; and frames of an old connection arrive
 * after a new one was opened, since each connection is late by itself.
 */
export class VirtualNetwork {
  readonly #exchange: Exchange;
  readonly #schemes: readonly string[];
  readonly #cuts = new Set<string>();
  readonly #conditions = new Map<string, LinkConditions>();
  readonly #latency: (from: string, to: string) => number;
  readonly #random: Random | undefined;

  constructor(clock: Pick<Clock, 'at' | 'nowMs'>, options: VirtualNetworkOptions = {}) {
    const { latencyMs = 0 } = options;
    this.#latency = typeof latencyMs === 'number' ? () => latencyMs : latencyMs;
    this.#schemes = options.schemes ?? ['mem', 'qanat'];
    this.#random = options.random;
    this.#exchange = new Exchange(clock, (from, to) => this.#policy(from, to), options.clockOf);
  }

  /** What a process on `host` uses. It listens at `host:port`; `0.0.0.0:port` and `127.0.0.1:port` mean the same. */
  transport(host: string): Transport {
    return {
      schemes: this.#schemes,
      dial: (address, handler) => this.#dial(host, address, handler),
      listen: (address, accept, done) => this.#listen(host, address, accept, done),
    };
  }

  /** Nothing passes between two hosts any more. */
  cut(one: string, other: string): void {
    this.cutOneWay(one, other);
    this.cutOneWay(other, one);
  }

  /** Nothing passes from one host to another any more; the other way stays. */
  cutOneWay(from: string, to: string): void {
    this.#cuts.add(directionOf(from, to));
  }

  /** Ends the cuts between two hosts, both ways. */
  heal(one: string, other: string): void {
    this.#cuts.delete(directionOf(one, other));
    this.#cuts.delete(directionOf(other, one));
    this.#exchange.resume(one, other);
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.has(directionOf(from, to));
  }

  /** Sets how the way from one host to another is from now on; without conditions it is good again. Needs `random`. */
  setConditions(from: string, to: string, conditions?: LinkConditions): void {
    if (this.#random === undefined) throw new QanatError('BAD_CONFIG', 'a network without `random` has no conditions');
    if (conditions === undefined) this.#conditions.delete(directionOf(from, to));
    else this.#conditions.set(directionOf(from, to), conditions);
  }

  /**
   * The process on `host` dies: its handlers hear nothing more, its listeners are gone, its peers lose their connections,
   * behind a cut after the heal.
   */
  crash(host: string): void {
    this.#exchange.vanish(host);
  }

  /** The host loses power: nobody is told, and nothing that is sent there arrives, until `wakeUp`. */
  fallSilent(host: string): void {
    this.#exchange.fallSilent(host);
  }

  /** The host is up again: whoever still sends on a connection of its earlier life is told that there is none. */
  wakeUp(host: string): void {
    this.#exchange.wakeUp(host);
  }

  /** The process on `host` is stopped: what arrives there waits. */
  suspend(host: string): void {
    this.#exchange.setSuspended(host, true);
  }

  resume(host: string): void {
    this.#exchange.setSuspended(host, false);
  }

  /**
   * Drops all connections between two hosts: of what is under way a part still arrives, maybe up to the middle of a frame.
   * @returns how many there were.
   */
  reset(one: string, other: string): number {
    return this.#exchange.breakOff(one, other, (of) => (this.#random?.fraction() ?? 0) * (of + 1));
  }

  /** All connections between two hosts keep silent for ever; new ones are possible. @returns how many there were. */
  mute(one: string, other: string): number {
    return this.#exchange.mute(one, other);
  }

  #policy(from: string, to: string): LanePolicy {
    const direction = directionOf(from, to);
    const latency = this.#latency;
    const random = this.#random;
    const policy: LanePolicy = {
      latencyMs: () => latency(from, to),
      isCut: () => this.#cuts.size > 0 && this.#cuts.has(direction),
    };
    if (random === undefined) return policy;
    const conditions = (): LinkConditions =>
      this.#conditions.size === 0 ? PERFECT : (this.#conditions.get(direction) ?? PERFECT);
    return {
      ...policy,
      latencyMs: () => latency(from, to) + extraMs(conditions(), random),
      transferMs: (bytes) => bytes / (conditions().bytesPerMs ?? Number.POSITIVE_INFINITY),
      losesDial: () => random.fraction() < (conditions().dialLossRate ?? 0),
      resetOvertakes: () => random.fraction() < 0.5,
    };
  }

  #dial(host: string, address: string, handler: ConnectionHandler): Connection {
    const target = this.#parse(host, address);
    if (!QanatError.is(target)) return this.#exchange.dial(host, target.host, target, handler);
    return this.#exchange.dialNowhere(address, handler, new QanatError('CONNECTION_FAILED', target.message, { cause: target }));
  }

  #listen(host: string, address: string, accept: Accept, done: ListenDone): void {
    const target = this.#parse(host, address);
    if (QanatError.is(target)) this.#exchange.soon(() => done(target, undefined));
    else if (target.host === host) this.#exchange.listen(host, target, accept, done);
    else {
      const error = new QanatError('BAD_CONFIG', `cannot listen at ${address}: this is the host ${host}`);
      this.#exchange.soon(() => done(error, undefined));
    }
  }

  #parse(host: string, address: string): HostPort | QanatError {
    try {
      const target = parseHostPort(address, this.#schemes);
      return ANY_HOST.has(target.host) ? { host, port: target.port } : target;
    } catch (error) {
      return error as QanatError;
    }
  }
}

function extraMs({ jitterMs = 0, spikeRate = 0, spikeMs = 0 }: LinkConditions, random: Random): number {
  const jitter = jitterMs > 0 ? random.fraction() * jitterMs : 0;
  return spikeRate > 0 && random.fraction() < spikeRate ? jitter + random.fraction() * spikeMs : jitter;
}

const directionOf = (from: string, to: string): string => `${from} > ${to}`;

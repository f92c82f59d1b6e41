import {
  type Clock,
  type Connection,
  type ConnectionHandler,
  Exchange,
  type HostPort,
  type Listener,
  parseHostPort,
  QanatError,
  type Transport,
} from '@qanat/core';

export interface VirtualNetworkOptions {
  /** Virtual milliseconds from one host to another, asked for each message. Default 0: the next turn of the clock. */
  readonly latencyMs?: number | ((from: string, to: string) => number);
  /** Default `mem` and `qanat`, so that addresses of real deployments work too. */
  readonly schemes?: readonly string[];
}

type Accept = (connection: Connection) => ConnectionHandler;
type ListenDone = (error: QanatError | undefined, listener: Listener | undefined) => void;

/** Addresses that mean the host itself when it listens. */
const ANY_HOST: ReadonlySet<string> = new Set(['0.0.0.0', '::', '127.0.0.1', 'localhost']);

/**
 * A network of hosts in virtual time. Hosts are labels; they exist by being named. Links between hosts are cut and healed, each
 * way or both: what is under way waits, as under TCP, and arrives after the heal; dialling over a cut link ends by its time-out.
 */
export class VirtualNetwork {
  readonly #exchange: Exchange;
  readonly #schemes: readonly string[];
  readonly #cuts = new Set<string>();

  constructor(clock: Pick<Clock, 'at' | 'nowMs'>, options: VirtualNetworkOptions = {}) {
    const { latencyMs = 0 } = options;
    const latency = typeof latencyMs === 'number' ? () => latencyMs : latencyMs;
    this.#schemes = options.schemes ?? ['mem', 'qanat'];
    this.#exchange = new Exchange(clock, (from, to) => ({
      latencyMs: () => latency(from, to),
      isCut: () => this.#cuts.has(directionOf(from, to)),
    }));
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

  /**
   * The process on `host` dies: its handlers hear nothing more, its listeners are gone, its peers lose their connections,
   * behind a cut
   * after the heal. Cut its links first for a host that loses power.
   */
  crash(host: string): void {
    this.#exchange.vanish(host);
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

const directionOf = (from: string, to: string): string => `${from} > ${to}`;

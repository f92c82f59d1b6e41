import type { Clock } from '../clock.ts';
import { QanatError } from '../errors.ts';
import { formatHostPort, type HostPort } from '../host-port.ts';
import type { Connection, ConnectionHandler, Listener } from '../transport.ts';
import type { LanePolicy } from './lane.ts';
import { LinkEnd } from './link-end.ts';

type Timing = Pick<Clock, 'at' | 'nowMs'>;
type Accept = (connection: Connection) => ConnectionHandler;
type ListenDone = (error: QanatError | undefined, listener: Listener | undefined) => void;

/** Both ends of one connection; `accepted` is missing until the dialling has arrived. */
interface Pair {
  readonly from: string;
  readonly to: string;
  dialled: LinkEnd | undefined;
  accepted: LinkEnd | undefined;
  gone: number;
}

const FIRST_EPHEMERAL_PORT = 49_152;
const CONNECT_TIMEOUT_MS = 3_000;

/** The listeners and connections of a network inside this process. Everything that it calls, it calls in a turn of the clock. */
export class Exchange {
  readonly #clock: Timing;
  readonly #clockOf: (owner: string) => Timing;
  readonly #policy: (from: string, to: string) => LanePolicy;
  readonly #listeners = new Map<string, { readonly owner: string; readonly accept: Accept }>();
  readonly #pairs = new Set<Pair>();
  /** Hosts that are down, and processes that are stopped. */
  readonly #down = new Set<string>();
  readonly #suspended = new Set<string>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  /**
   * @param policy of the direction from one owner of ends to another.
   * @param clockOf the clock of an owner's process, where that may stand still. Default: that of the network.
   */
  constructor(clock: Timing, policy: (from: string, to: string) => LanePolicy, clockOf: (owner: string) => Timing = () => clock) {
    this.#clock = clock;
    this.#policy = policy;
    this.#clockOf = clockOf;
  }

  listen(owner: string, asked: HostPort, accept: Accept, done: ListenDone): void {
    const address = formatHostPort({ host: asked.host, port: asked.port === 0 ? this.#nextPort++ : asked.port });
    const taken = this.#listeners.has(address);
    const entry = { owner, accept };
    if (!taken) this.#listeners.set(address, entry);
    const close = (closed: () => void): void => {
      if (this.#listeners.get(address) === entry) this.#listeners.delete(address);
      this.soon(closed);
    };
    this.soon(() => {
      if (taken) done(new QanatError('BAD_CONFIG', `cannot listen at ${address}: the address is in use`), undefined);
      else done(undefined, { address, close });
    });
  }

  listensAt(target: HostPort): boolean {
    return this.#listeners.has(formatHostPort(target));
  }

  /** @param to the owner of the place that `target` names, where that is known; decides the latency. */
  dial(from: string, to: string, target: HostPort, handler: ConnectionHandler): Connection {
    const address = formatHostPort(target);
    const pair: Pair = { from, to, dialled: undefined, accepted: undefined, gone: 0 };
    const end = new LinkEnd({
      clock: this.#clock,
      ownerClock: this.#clockOf(from),
      remote: address,
      policy: this.#policy(from, to),
      onGone: () => this.#left(pair),
    });
    pair.dialled = end;
    this.#pairs.add(pair);
    end.dial(handler, CONNECT_TIMEOUT_MS, () => this.#accept(pair, end, address));
    return end;
  }

  /** A dialling that fails by itself: the address cannot be used. */
  dialNowhere(remote: string, handler: ConnectionHandler, error: QanatError): Connection {
    const policy: LanePolicy = { latencyMs: () => 0, isCut: () => false };
    const end = new LinkEnd({ clock: this.#clock, ownerClock: this.#clock, remote, policy, onGone: () => undefined });
    end.dial(handler, CONNECT_TIMEOUT_MS, () => undefined);
    end.abort(error);
    return end;
  }

  /** What waits between two owners sets out again, both ways. */
  resume(one: string, other: string): void {
    for (const pair of this.#between(one, other)) {
      pair.dialled?.resumeLane();
      pair.accepted?.resumeLane();
    }
  }

  /** The process of `owner` dies: its listeners are gone, its handlers hear nothing more, its peers lose their connections. */
  vanish(owner: string): void {
    for (const [address, listener] of this.#listeners) if (listener.owner === owner) this.#listeners.delete(address);
    for (const end of this.#endsOf(owner)) end.vanish();
  }

  /** The host of `owner` goes down without a word: nothing arrives there any more, and nobody is told, until `wakeUp`. */
  fallSilent(owner: string): void {
    this.#down.add(owner);
    for (const [address, listener] of this.#listeners) if (listener.owner === owner) this.#listeners.delete(address);
    for (const end of this.#endsOf(owner)) end.fallSilent();
  }

  /** The host is up again: it takes connections, and denies those of its earlier life. */
  wakeUp(owner: string): void {
    if (!this.#down.delete(owner)) return;
    for (const end of this.#endsOf(owner)) end.wakeUp();
  }

  /** The process of `owner` stops and goes on: what arrives meanwhile waits. */
  setSuspended(owner: string, on: boolean): void {
    if (on) this.#suspended.add(owner);
    else this.#suspended.delete(owner);
    for (const end of this.#endsOf(owner)) end.setSuspended(on);
  }

  /** The network drops every connection between two owners; see `LinkEnd.breakOff`. @returns how many there were. */
  breakOff(one: string, other: string, share: (of: number) => number): number {
    const pairs = this.#between(one, other);
    for (const pair of pairs) {
      pair.dialled?.breakOff(share);
      pair.accepted?.breakOff(share);
    }
    return pairs.length;
  }

  /** The network forgets every connection between two owners: nothing arrives, nobody is told. @returns how many there were. */
  mute(one: string, other: string): number {
    const pairs = this.#between(one, other);
    for (const pair of pairs) {
      pair.dialled?.mute();
      pair.accepted?.mute();
    }
    return pairs.length;
  }

  soon(run: () => void): void {
    this.#clock.at(this.#clock.nowMs(), run);
  }

  #between(one: string, other: string): Pair[] {
    return [...this.#pairs].filter(({ from, to }) => (from === one && to === other) || (from === other && to === one));
  }

  #endsOf(owner: string): LinkEnd[] {
    const ends: LinkEnd[] = [];
    for (const { from, to, dialled, accepted } of this.#pairs) {
      if (from === owner && dialled !== undefined) ends.push(dialled);
      if (to === owner && accepted !== undefined) ends.push(accepted);
    }
    return ends;
  }

  #accept(pair: Pair, dialled: LinkEnd, address: string): void {
    if (this.#down.has(pair.to)) return;
    this.#pairs.add(pair);
    const remote = formatHostPort({ host: pair.from, port: this.#nextPort++ });
    const policy = this.#policy(pair.to, pair.from);
    const ownerClock = this.#clockOf(pair.to);
    const end = new LinkEnd({ clock: this.#clock, ownerClock, remote, policy, onGone: () => this.#left(pair) });
    if (this.#suspended.has(pair.to)) end.setSuspended(true);
    pair.accepted = end;
    LinkEnd.join(dialled, end);
    const listener = this.#listeners.get(address);
    if (listener === undefined)
      end.refuse(new QanatError('CONNECTION_FAILED', `cannot connect to ${address}: nobody listens there`));
    else end.accept(listener.accept);
  }

  #left(pair: Pair): void {
    pair.gone++;
    // The last words of an end that left may still wait behind a cut, so a pair stays until both have left.
    if (pair.gone === 2 || pair.accepted === undefined) this.#pairs.delete(pair);
  }
}

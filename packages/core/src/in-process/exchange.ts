import type { Clock } from '../clock.ts';
import { QanatError } from '../errors.ts';
import { formatHostPort, type HostPort } from '../host-port.ts';
import type { Connection, ConnectionHandler, Listener } from '../transport.ts';
import type { LanePolicy } from './lane.ts';
import { LinkEnd } from './link-end.ts';

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
  readonly #clock: Pick<Clock, 'at' | 'nowMs'>;
  readonly #policy: (from: string, to: string) => LanePolicy;
  readonly #listeners = new Map<string, { readonly owner: string; readonly accept: Accept }>();
  readonly #pairs = new Set<Pair>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  /** @param policy of the direction from one owner of ends to another. */
  constructor(clock: Pick<Clock, 'at' | 'nowMs'>, policy: (from: string, to: string) => LanePolicy) {
    this.#clock = clock;
    this.#policy = policy;
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

  /** @param to the owner of the place that `target` names, where that is known; decides the latency. */
  dial(from: string, to: string, target: HostPort, handler: ConnectionHandler): Connection {
    const address = formatHostPort(target);
    const pair: Pair = { from, to, dialled: undefined, accepted: undefined, gone: 0 };
    const end = new LinkEnd({
      clock: this.#clock,
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
    const end = new LinkEnd({ clock: this.#clock, remote, policy, onGone: () => undefined });
    end.dial(handler, CONNECT_TIMEOUT_MS, () => undefined);
    end.abort(error);
    return end;
  }

  /** What waits between two owners sets out again, both ways. */
  resume(one: string, other: string): void {
    for (const pair of this.#pairs) {
      if ((pair.from === one && pair.to === other) || (pair.from === other && pair.to === one)) {
        pair.dialled?.resumeLane();
        pair.accepted?.resumeLane();
      }
    }
  }

  /** The process of `owner` dies: its listeners are gone, its handlers hear nothing more, its peers lose their connections. */
  vanish(owner: string): void {
    for (const [address, listener] of this.#listeners) if (listener.owner === owner) this.#listeners.delete(address);
    for (const pair of this.#pairs) {
      if (pair.from === owner) pair.dialled?.vanish();
      if (pair.to === owner) pair.accepted?.vanish();
    }
  }

  soon(run: () => void): void {
    this.#clock.at(this.#clock.nowMs(), run);
  }

  #accept(pair: Pair, dialled: LinkEnd, address: string): void {
    const remote = formatHostPort({ host: pair.from, port: this.#nextPort++ });
    const policy = this.#policy(pair.to, pair.from);
    const end = new LinkEnd({ clock: this.#clock, remote, policy, onGone: () => this.#left(pair) });
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

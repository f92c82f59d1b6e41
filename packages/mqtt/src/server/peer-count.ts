import type { Peer } from '../ports.ts';
import type { MqttLimits } from './limits.ts';

/** The address without the port, which stands behind the last colon. */
export function hostOf({ address }: Peer): string {
  const colon = address.lastIndexOf(':');
  return colon < 0 ? address : address.slice(0, colon);
}

/** Counts the connections, of all and of each address. */
export class PeerCount {
  readonly #limits: MqttLimits;
  readonly #byHost = new Map<string, number>();
  #all = 0;

  constructor(limits: MqttLimits) {
    this.#limits = limits;
  }

  /** @returns false, and it is not counted: there are too many. */
  add(peer: Peer): boolean {
    const host = hostOf(peer);
    const there = this.#byHost.get(host) ?? 0;
    if (this.#all >= this.#limits.connectionsMax || there >= this.#limits.connectionsPerAddressMax) return false;
    this.#all++;
    this.#byHost.set(host, there + 1);
    return true;
  }

  remove(peer: Peer): void {
    const host = hostOf(peer);
    const there = this.#byHost.get(host) ?? 0;
    this.#all--;
    if (there > 1) this.#byHost.set(host, there - 1);
    else this.#byHost.delete(host);
  }
}

import { isSecure, schemeOf } from '../scheme.ts';
import type { BrokerRoute, Endpoint } from '../wire/gen/messages.ts';
import type { ClientSettings, KnownBroker } from './host.ts';
import { slavePeer } from './peer.ts';

/** The scheme that an address stands for. */
const ownScheme = ({ schemes }: ClientSettings, address: string): string => schemeOf(address) ?? (schemes[0] as string);

/**
 * An endpoint of the wanted listener, else any that this client serves (QNT-RTE-022); among these one with the scheme of the
 * NameServer that told it (QNT-RTE-027). Whoever asked over TLS goes on over TLS (QNT-RTE-028).
 */
function chooseEndpoint(settings: ClientSettings, offered: readonly Endpoint[], nameServer: string): Endpoint | undefined {
  const own = ownScheme(settings, nameServer);
  const served = offered.filter(({ scheme }) => settings.schemes.includes(scheme) && (isSecure(scheme) || !isSecure(own)));
  const wanted = served.filter(({ listener }) => listener === settings.listener);
  const choice = wanted.length > 0 ? wanted : served;
  return choice.find(({ scheme }) => scheme === own) ?? choice[0];
}

/** @param nameServer the address of the NameServer that told it. */
export function knownBroker(settings: ClientSettings, broker: BrokerRoute, nameServer: string): KnownBroker {
  const { slaves, storeId } = broker;
  return {
    name: broker.broker,
    cluster: broker.cluster,
    term: broker.term,
    endpoint: chooseEndpoint(settings, broker.endpoints, nameServer),
    offered: broker.endpoints,
    nameServer,
    away: broker.away,
    createsTopics: broker.createsTopics,
    slaves: slaves.map(({ replica }) => slavePeer(broker.broker, replica)),
    zone: broker.zone,
    store: String(storeId),
  };
}

/** Where to connect, with its scheme; undefined when no endpoint suits this client. */
export const addressOf = (broker: KnownBroker | undefined): string | undefined =>
  broker?.endpoint === undefined ? undefined : `${broker.endpoint.scheme}://${broker.endpoint.address}`;

/** The brokers that routes have named so far. */
export class BrokerDirectory {
  readonly #settings: ClientSettings;
  readonly #onChange: (broker: string) => void;
  readonly #brokers = new Map<string, KnownBroker>();

  /** @param onChange is told a broker that has a new address, or has come back. */
  constructor(settings: ClientSettings, onChange: (broker: string) => void) {
    this.#settings = settings;
    this.#onChange = onChange;
  }

  get(broker: string): KnownBroker | undefined {
    return this.#brokers.get(broker);
  }

  /** Brokers that create topics on demand and can be asked. */
  creators(): readonly string[] {
    return [...this.#brokers.values()].filter((b) => b.createsTopics && !b.away && b.endpoint !== undefined).map((b) => b.name);
  }

  /**
   * Of one store the highest term counts, whoever tells of it: who was master before is none for this client any more
   * (QNT-RPL-083).
   * @param nameServer the address of the NameServer that told it.
   * @param secondHand it is not the one in use: it does not undo a newer term.
   */
  update(broker: BrokerRoute, nameServer: string, secondHand = false): void {
    const known = this.#brokers.get(broker.broker);
    const next = knownBroker(this.#settings, broker, nameServer);
    if (known !== undefined && known.term > next.term && (secondHand || known.store === next.store)) return;
    for (const peer of known?.slaves ?? []) if (!next.slaves.includes(peer)) this.#brokers.delete(peer);
    this.#put(next);
    for (const slave of broker.slaves) {
      const route = { ...broker, ...slave, broker: slavePeer(broker.broker, slave.replica), slaves: [], createsTopics: false };
      this.#put(knownBroker(this.#settings, route, nameServer));
    }
  }

  #put(next: KnownBroker): void {
    const known = this.#brokers.get(next.name);
    this.#brokers.set(next.name, next);
    if (known === undefined || addressOf(known) !== addressOf(next) || (known.away && !next.away)) this.#onChange(next.name);
  }
}

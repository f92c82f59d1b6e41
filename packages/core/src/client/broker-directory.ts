import type { BrokerRoute } from '../wire/gen/messages.ts';
import type { ClientSettings } from './host.ts';

/** What the routes tell of one broker. */
export interface KnownBroker {
  readonly name: string;
  readonly cluster: string;
  readonly term: number;
  /** Where to connect, with its scheme; undefined when no endpoint suits this client. */
  readonly address: string | undefined;
  /** Not heard of lately: new sends without a key go elsewhere. */
  readonly away: boolean;
  readonly createsTopics: boolean;
}

/** The endpoint of the wanted listener, else the first of a scheme that this client speaks (QNT-RTE-022). */
function chooseAddress(settings: ClientSettings, broker: BrokerRoute): string | undefined {
  const served = broker.endpoints.filter(({ scheme }) => settings.schemes.includes(scheme));
  const endpoint = served.find(({ listener }) => listener === settings.listener) ?? served[0];
  return endpoint === undefined ? undefined : `${endpoint.scheme}://${endpoint.address}`;
}

export function knownBroker(settings: ClientSettings, broker: BrokerRoute): KnownBroker {
  return {
    name: broker.broker,
    cluster: broker.cluster,
    term: broker.term,
    address: chooseAddress(settings, broker),
    away: broker.away,
    createsTopics: broker.createsTopics,
  };
}

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
    return [...this.#brokers.values()].filter((b) => b.createsTopics && !b.away && b.address !== undefined).map((b) => b.name);
  }

  /** @param secondHand from a NameServer that is not the one in use: it does not undo a newer term. */
  update(broker: BrokerRoute, secondHand = false): void {
    const known = this.#brokers.get(broker.broker);
    if (secondHand && known !== undefined && known.term > broker.term) return;
    const next = knownBroker(this.#settings, broker);
    this.#brokers.set(next.name, next);
    if (known === undefined || known.address !== next.address || (known.away && !next.away)) this.#onChange(next.name);
  }
}

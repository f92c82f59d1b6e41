// An island (island.mjs) without network namespaces: all are on loopback, and whoever is on one side knows those on the other by
// cables alone. Each server has a listener for its own side, and one for the other side behind a cable; NameServers tell each
// client the addresses of the listener that it came in on.
import { Cable } from './cable.mjs';
import { freePort } from './processes.mjs';

/** The name of the listeners for those on the island. */
const ISLAND = 'island';

export class CabledIsland {
  #inhabitants;
  #cables = [];
  /** Where the NameServers are for the inhabitants. */
  #nameServers = [];
  inside = [];

  constructor(inhabitants) {
    this.#inhabitants = new Set(inhabitants);
  }

  build(trial) {
    trial.atEnd(() => Promise.all(this.#cables.map((cable) => cable.close())));
    return this;
  }

  hostOf() {
    return '127.0.0.1';
  }

  commandOf() {
    return [];
  }

  /** The further listener of a server, and what it tells clients of those two. */
  async wire(name, address) {
    const forIsland = `127.0.0.1:${await freePort()}`;
    const isThere = this.#inhabitants.has(name);
    const cable = await Cable.to(isThere ? address : forIsland);
    this.#cables.push(cable);
    if (!name.startsWith('broker-')) {
      this.#nameServers.push(cable.address);
      return { listen: [`${ISLAND}=${forIsland}`], args: [] };
    }
    const advertised = `${isThere ? 'default' : ISLAND}=${cable.address}`;
    return { listen: [`${ISLAND}=${forIsland}`], args: ['--advertise', advertised] };
  }

  /** As the process of this name reaches them. */
  nameServersFor(name, usual) {
    return this.#inhabitants.has(name) ? this.nameServers() : usual;
  }

  /** As those on the island reach them. */
  nameServers() {
    return this.#nameServers.join(',');
  }

  cut() {
    for (const cable of this.#cables) cable.cut();
  }

  heal() {
    for (const cable of this.#cables) cable.heal();
  }
}

// Devices as anyone would write them: MQTT.js, MQTT 5, sessions that outlive their connections.
import mqtt from 'mqtt';

const SESSION_S = 3_600;
const RECONNECT_MS = 1_000;

/** What one device did and saw. */
class Device {
  id;
  #client;
  #next = 0;
  /** Times that each number was sent, by number. */
  sent = [];
  acked = new Set();
  /**
   * What MQTT.js gave back and has never sent: what it takes while it sends again what a connection has left, where that
   * connection ends too.
   */
  unsent = 0;
  /** Times that each command came, by its number. */
  commands = new Map();
  connections = 0;

  constructor(id, url) {
    this.id = id;
    this.#client = mqtt.connect(url, {
      clientId: id,
      clean: false,
      protocolVersion: 5,
      properties: { sessionExpiryInterval: SESSION_S },
      reconnectPeriod: RECONNECT_MS / 2 + Math.random() * RECONNECT_MS,
      keepalive: 30,
      // A bridge refuses who comes while it waits for a broker that was killed; otherwise MQTT.js would not try again.
      reconnectOnConnackError: true,
    });
    this.#client.on('error', () => {}); // it connects again by itself
    this.#client.on('connect', () => void this.connections++);
    this.#client.on('packetsend', (packet) => {
      if (packet.cmd === 'publish') this.#sends(JSON.parse(packet.payload).n);
    });
    this.#client.on('message', (_topic, payload) => {
      const { n } = JSON.parse(payload);
      this.commands.set(n, (this.commands.get(n) ?? 0) + 1);
    });
  }

  #sends(n) {
    this.sent[n] = (this.sent[n] ?? 0) + 1;
  }

  async ready() {
    await this.#client.subscribeAsync(`fleet/${this.id}/commands`, { qos: 1 });
  }

  publish() {
    const n = this.#next++;
    this.#client.publish(`fleet/${this.id}/telemetry`, JSON.stringify({ device: this.id, n }), { qos: 1 }, (error) => {
      if (error === undefined || error === null) this.acked.add(n);
      else if (this.sent[n] === undefined) this.unsent++;
    });
  }

  get published() {
    return this.#next - this.unsent;
  }

  close() {
    return this.#client.endAsync(true);
  }
}

export class Fleet {
  devices;

  /** @param urls of the bridges, given out in turn. */
  constructor(count, urls) {
    this.devices = Array.from({ length: count }, (_, i) => new Device(`device-${i}`, urls[i % urls.length]));
  }

  async ready() {
    await Promise.all(this.devices.map((device) => device.ready()));
  }

  sum(figure) {
    return this.devices.reduce((sum, device) => sum + figure(device), 0);
  }

  async close() {
    await Promise.all(this.devices.map((device) => device.close()));
  }
}

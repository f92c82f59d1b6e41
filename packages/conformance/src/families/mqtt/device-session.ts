import { encoded } from './sent-packets.ts';
import type { Version } from './wire/packet.ts';

const PACKET_ID_MAX = 65_535;
/** The bit of DUP in the first byte of PUBLISH. */
const DUP = 0x08;

interface Exchange {
  /** The PUBLISH as it was sent first. */
  readonly bytes: Uint8Array;
  state: 'published' | 'released';
}

/** What a client keeps of its session: exchanges of QoS 1 and 2 that it has begun (MQTT 5.0, 4.1). */
export class DeviceSession {
  readonly clientId: string;
  readonly #exchanges = new Map<number, Exchange>();
  /** Ids of SUBSCRIBE and UNSUBSCRIBE, of one connection. */
  readonly requests = new Set<number>();

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  /** The lowest packet id that is free: ids come again soon. */
  freeId(): number {
    for (let id = 1; id <= PACKET_ID_MAX; id++) if (!this.#exchanges.has(id) && !this.requests.has(id)) return id;
    throw new Error('all packet ids are in use');
  }

  published(packetId: number, bytes: Uint8Array): void {
    this.#exchanges.set(packetId, { bytes, state: 'published' });
  }

  /** Exchanges under way. */
  get openCount(): number {
    return this.#exchanges.size;
  }

  isOpen(packetId: number): boolean {
    return this.#exchanges.has(packetId);
  }

  recorded(packetId: number): void {
    const exchange = this.#exchanges.get(packetId);
    if (exchange !== undefined) exchange.state = 'released';
  }

  done(packetId: number): void {
    this.#exchanges.delete(packetId);
  }

  /** The server has no session: exchanges are over (MQTT 5.0, 3.2.2.1.1). */
  forget(): void {
    this.#exchanges.clear();
  }

  /** What a client sends again on a resumed session, with the packet ids of before (MQTT 5.0, 4.4). */
  unacknowledged(version: Version): readonly Uint8Array[] {
    return [...this.#exchanges].map(([packetId, { bytes, state }]) =>
      state === 'released' ? encoded({ cmd: 'pubrel', messageId: packetId }, version) : withDup(bytes),
    );
  }
}

function withDup(bytes: Uint8Array): Uint8Array {
  const again = bytes.slice();
  again[0] = (again[0] as number) | DUP;
  return again;
}

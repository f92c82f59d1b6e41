import { PACKET_IDS, PLACE_IDS } from '../packet-ids.ts';
import type { Place } from '../ports.ts';

/**
 * `reserved`: it was sent on a connection before, and will be sent again under its packet id. `recording`, `releasing`: QoS 2
 * before its PUBLISH or PUBREL, until the cluster has written down that it comes.
 */
export type FlightState = 'reserved' | 'recording' | 'sent' | 'releasing' | 'released';

/** A message of QoS 1 or 2 on its way to a client. What is in it is not kept: it lies in the log. */
export interface Flight extends Place {
  readonly packetId: number;
  readonly qos: 1 | 2;
  state: FlightState;
  /** It takes a place in the window of this connection. */
  counted: boolean;
  /** Of a shared subscription: until it is settled it is the cluster's, not the session's. */
  readonly shared: boolean;
  settle: ((done: boolean) => void) | undefined;
}

/** The messages on their way to one client, by packet id, in the order in which they were sent. */
export class Flights {
  #flights: Map<number, Flight> | undefined;
  #nextId: number;

  /** @param firstPacketId above PLACE_IDS. */
  constructor(firstPacketId: number) {
    this.#nextId = firstPacketId;
  }

  get size(): number {
    return this.#flights?.size ?? 0;
  }

  get(packetId: number): Flight | undefined {
    return this.#flights?.get(packetId);
  }

  /** A packet id that is no place's and not in use [MQTT-2.2.1-3]. There are fewer flights than ids: windows are smaller. */
  newId(): number {
    while (this.#flights?.has(this.#nextId)) this.#advance();
    const id = this.#nextId;
    this.#advance();
    return id;
  }

  #advance(): void {
    this.#nextId = this.#nextId === PACKET_IDS ? PLACE_IDS + 1 : this.#nextId + 1;
  }

  add(flight: Flight): void {
    this.#flights ??= new Map();
    this.#flights.set(flight.packetId, flight);
  }

  delete(packetId: number): void {
    // The last one takes its map along: emptied maps hold each other for the garbage collector.
    if (this.#flights?.size === 1 && this.#flights.has(packetId)) this.#flights = undefined;
    else this.#flights?.delete(packetId);
  }

  *[Symbol.iterator](): Generator<Flight> {
    if (this.#flights !== undefined) yield* this.#flights.values();
  }
}

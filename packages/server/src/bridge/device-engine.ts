import type { Peer } from '@qanat/mqtt';

/** What the process asks of the MQTT server; times are monotonic, ms. */
export interface DeviceEngine {
  /** What the wall clock is ahead of `nowMs`, ms. */
  wallClock(offsetMs: number): void;
  accepted(connection: number, peer: Peer, nowMs: number): void;
  /** @param bytes the engine's from now on. */
  received(connection: number, bytes: Uint8Array, nowMs: number): void;
  drained(connection: number, nowMs: number): void;
  /** Is called for every connection once, after those that the engine closed itself too. */
  closed(connection: number, nowMs: number): void;
  tick(nowMs: number): void;
  /** Sends what answers of the cluster have brought. */
  flush(nowMs: number): void;
  /** When `tick` is due; undefined: not before something else happens. */
  nextDeadlineMs(): number | undefined;
  /** Ends the connections of some peers for what an operator did, and tells them (0x98). */
  disconnectWhere(isMeant: (peer: Peer) => boolean, nowMs: number): void;
  /** Tells every client that the server shuts down, and closes [MQTT-3.14.0-1]. */
  stop(nowMs: number): void;
}

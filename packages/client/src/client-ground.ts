import type { Clock, DeriveKey, Platform, Transport } from '@qanat/core';

/** What a client stands on. */
export interface ClientGround {
  readonly nameServers: readonly string[];
  readonly transports: readonly Transport[];
  readonly clock: Clock;
  readonly platform: Platform;
  /** Derives keys from passwords. Needed by clients that log in with one. */
  readonly deriveKey?: DeriveKey;
  /** Draws a nonce for a login: printable ASCII without a comma, 128 bits of a cryptographic source. Needed like `deriveKey`. */
  nonce?(): string;
  /** Of the client's own random numbers. */
  readonly seed: number;
  /** The client has closed, or cannot go on. */
  onEnded?(): void;
}

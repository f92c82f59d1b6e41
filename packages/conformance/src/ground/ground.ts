import type { Clock, Connection, QanatError, Transport } from '@qanat/core';
import type { Message } from './websocket/message-reader.ts';

/** How frames travel between processes. */
export type SocketBinding = 'tcp' | 'websocket';
/** For people. */
export const BINDING_NAMES: Readonly<Record<SocketBinding, string>> = { tcp: 'TCP', websocket: 'WebSocket' };
/** URL schemes. */
export const SCHEMES: Readonly<Record<SocketBinding, string>> = { tcp: 'qanat', websocket: 'ws' };
/** In memory they are handed over as they are. */
export type Binding = SocketBinding | 'memory';

/** What a stream of bytes tells its owner. Nothing comes after `onClose`. */
export interface LinkHandler {
  /** Over WebSocket: the peer is there, and nothing was agreed upon. */
  onConnected?(): void;
  /** Over WebSocket: what a side says to agree upon it, as text; the kit's in the pieces in which it is sent. */
  onUpgrade?(from: 'kit' | 'subject', text: string): void;
  onOpen(): void;
  /** The callee owns the bytes. */
  onBytes(bytes: Uint8Array): void;
  /** Over WebSocket: a message has ended. Its bytes came before. */
  onMessage?(message: Message): void;
  /** Where the bytes are cut into frames on the way: what came is no frame, and is not given. */
  onBadBytes?(error: QanatError): void;
  /** @param error undefined when the peer ended the stream. */
  onClose(error: QanatError | undefined): void;
}

/** A stream of bytes to a subject, below frames, so that anything can be sent. */
export interface Link {
  /** Takes the bytes; they must not change afterwards. */
  write(bytes: Uint8Array): void;
  /** Sends what was written, then no more. */
  end(): void;
  /** Drops the connection. */
  destroy(): void;
  /** Stops and resumes reading. */
  setReading(on: boolean): void;
}

/** A connection that a server of the kit accepted from a byte stream: what lies below its frames can be seen and chosen. */
export interface StreamConnection extends Connection {
  /** What this side begins with; may be set until `onPreface` returns. */
  preface: Uint8Array;
  /** The first bytes of the peer, as far as they have come. */
  readonly prefaceRead: Uint8Array;
  /** Told once, when the peer's preface is whole, or wrong. */
  onPreface: (isRight: boolean) => void;
  /** Ends this side's stream, and goes on reading. */
  endStream(): void;
}

export const isStream = (connection: Connection): connection is StreamConnection => 'onPreface' in connection;

/** Where a program runs: its time, and the network between kit and subject. */
export interface Ground {
  /** `virtual`: nothing but the program takes time, and windows are exact. */
  readonly timing: 'virtual' | 'real';
  readonly binding: Binding;
  readonly clock: Clock;
  /** How late a subject may be beyond what a rule allows: delays of network, timers and processors, ms. It may grow. */
  readonly slackMs: number;
  /** Lets time pass until the condition holds. False when it did not within `withinMs`. */
  until(condition: () => boolean, withinMs: number): Promise<boolean>;
  /** Something happened: conditions are looked at again. */
  changed(): void;
  /**
   * @param greeting over WebSocket what is sent at once: the request for the upgrade, as it should be or not.
   * @param certificateNames of a certificate that the kit shows; only where time is virtual, nobody shows any elsewhere.
   */
  dial(address: string, handler: LinkHandler, greeting?: Uint8Array, certificateNames?: readonly string[]): Link;
  /** What a connection to a subject begins with as it should: a preface, a request for an upgrade, or nothing. */
  greetingFor(address: string): Uint8Array;
  /** What a server of the kit listens with, and a client in this process dials with. */
  transport(host: string): Transport;
  /** Where a server of the kit listens: its port is free. */
  listenAddress(host: string, port: number): string;
  /** URL scheme of the endpoints that servers of the kit announce. */
  readonly scheme: string;
  /** The address of a server of the kit as a subject is told it: a URL, where its scheme has to be said. */
  told(address: string): string;
}

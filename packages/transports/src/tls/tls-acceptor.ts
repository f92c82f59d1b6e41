import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { QanatError } from '@qanat/core';
import { certificateNames } from './certificate-names.ts';
import { acceptTlsError, badCertificate, type SecureScheme } from './tls-errors.ts';
import { type OnRefused, TLS_HANDSHAKE_MS, TLS_HANDSHAKES_MAX, type TlsSettings } from './tls-settings.ts';

/** A connection over TLS. */
export interface Secured {
  readonly socket: TLSSocket;
  /** The socket below it, for a reset. */
  readonly carrier: Socket;
  readonly remote: string;
  /** Of the client's verified certificate; undefined where it showed none. */
  readonly certificateNames: readonly string[] | undefined;
}

interface Handshake {
  readonly remote: string;
  readonly deadline: NodeJS.Timeout;
}

/** Node has no public name for it. */
const carrierOf = (socket: TLSSocket): Socket | undefined => (socket as { _parent?: Socket | null })._parent ?? undefined;

/** Takes sockets that a listener accepted through their TLS handshakes. */
export class TlsAcceptor {
  readonly #settings: TlsSettings;
  readonly #scheme: SecureScheme;
  readonly #onRefused: OnRefused | undefined;
  readonly #handshakeMs: number;
  readonly #server: Server;
  readonly #handshakes = new Map<Socket, Handshake>();
  readonly #unwatch: () => void;

  /** @param scheme of the listener, for what is told. */
  constructor(
    settings: TlsSettings,
    scheme: SecureScheme,
    onRefused: OnRefused | undefined,
    onSecured: (secured: Secured) => void,
  ) {
    const { material, clientCertificates = 'none' } = settings;
    this.#settings = settings;
    this.#scheme = scheme;
    this.#onRefused = onRefused;
    this.#handshakeMs = settings.handshakeMs ?? TLS_HANDSHAKE_MS;
    const requestCert = clientCertificates !== 'none';
    const rejectUnauthorized = clientCertificates === 'required';
    this.#server = createServer({ ...material.options, requestCert, rejectUnauthorized });
    this.#server.on('secureConnection', (socket) => this.#secured(socket, onSecured));
    this.#server.on('tlsClientError', (error, socket) => this.#failed(error, socket));
    this.#unwatch = material.watch(() => this.#server.setSecureContext(material.options));
  }

  /** @param carrier nothing was read from it, and it ends when its peer does. */
  accept(carrier: Socket, remote: string): void {
    const deadline = setTimeout(() => this.#late(carrier), this.#handshakeMs);
    this.#handshakes.set(carrier, { remote, deadline });
    // What it has to say comes over TLS.
    carrier.on('error', () => undefined);
    this.#server.emit('connection', carrier);
    if (this.#handshakes.size > (this.#settings.handshakesMax ?? TLS_HANDSHAKES_MAX)) this.#dropOldest();
  }

  /** Handshakes that have begun go on. */
  close(): void {
    this.#unwatch();
  }

  #dropOldest(): void {
    const [oldest] = this.#handshakes.keys() as IterableIterator<Socket>;
    if (oldest === undefined) return;
    this.#end(oldest);
    oldest.destroy();
  }

  #secured(socket: TLSSocket, onSecured: (secured: Secured) => void): void {
    const carrier = carrierOf(socket);
    const handshake = carrier && this.#end(carrier);
    const certificate = socket.getPeerX509Certificate();
    const shown = (this.#settings.clientCertificates ?? 'none') === 'none' ? undefined : certificate;
    if (carrier === undefined || handshake === undefined) socket.destroy();
    else if (shown !== undefined && !socket.authorized) {
      this.#onRefused?.(handshake.remote, badCertificate(String(socket.authorizationError), handshake.remote));
      socket.destroy();
    } else {
      // From now on the connection decides when its side ends.
      socket.allowHalfOpen = true;
      const names = shown === undefined ? undefined : certificateNames(shown);
      onSecured({ socket, carrier, remote: handshake.remote, certificateNames: names });
    }
  }

  #failed(error: Error, socket: TLSSocket): void {
    const carrier = carrierOf(socket);
    const handshake = carrier && this.#end(carrier);
    carrier?.destroy();
    // Whoever connects and leaves without a byte looks whether somebody listens.
    if (carrier === undefined || handshake === undefined || carrier.bytesRead === 0) return;
    const verification = (socket.authorizationError as unknown as string | null) ?? undefined;
    this.#onRefused?.(handshake.remote, acceptTlsError(error, this.#scheme, handshake.remote, verification));
  }

  #late(carrier: Socket): void {
    const handshake = this.#end(carrier);
    if (handshake === undefined) return;
    const why = `${handshake.remote}: the TLS handshake was not done within ${this.#handshakeMs} ms`;
    this.#onRefused?.(handshake.remote, new QanatError('TLS_FAILED', why, { hint: 'does the client speak TLS at all?' }));
    carrier.destroy();
  }

  /** @returns the handshake, where it was not over. */
  #end(carrier: Socket): Handshake | undefined {
    const handshake = this.#handshakes.get(carrier);
    clearTimeout(handshake?.deadline);
    this.#handshakes.delete(carrier);
    return handshake;
  }
}

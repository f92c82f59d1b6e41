import { X509Certificate } from 'node:crypto';
import { isIP, isIPv6, type Socket } from 'node:net';
import { checkServerIdentity, connect, type PeerCertificate } from 'node:tls';
import type { HostPort, QanatError } from '@qanat/core';
import { dialTlsError, droppedAfterHandshake, type SecureScheme } from './tls-errors.ts';
import { TLS_HANDSHAKE_MS, type TlsSettings } from './tls-settings.ts';

/** Puts TLS on sockets that were dialled. */
export interface TlsDialler {
  /** A handshake that takes longer is given up. */
  readonly handshakeMs: number;
  /** @param socket is connected. @returns a socket that emits `secureConnect` once the server's certificate was verified. */
  secure(socket: Socket): Socket;
  /** What TLS has to do with a failure before the connection was open. `shaking`: in the handshake. */
  explain(error: Error, shaking: boolean): QanatError | undefined;
  /** The server left between the handshake and its first byte. */
  dropped(): QanatError;
}

/** For a connection to one server, whose certificate has to hold for the host that was dialled (QNT-TCP-009). */
export function tlsDialler(
  { material, handshakeMs }: TlsSettings,
  scheme: SecureScheme,
  { host }: HostPort,
  remote: string,
): TlsDialler {
  return {
    handshakeMs: handshakeMs ?? TLS_HANDSHAKE_MS,
    // An address of IP is verified as `host`, and may not be sent as the name of a server (RFC 6066, 3).
    secure: (socket) =>
      connect({
        socket,
        host,
        secureContext: material.dialContext(),
        checkServerIdentity: identityFault,
        ...(isIP(host) === 0 ? { servername: host } : {}),
      }),
    explain: (error, shaking) => dialTlsError(error, scheme, remote, shaking, material.hasCertificate),
    dropped: () => droppedAfterHandshake(remote),
  };
}

/**
 * Why the certificate does not hold for a host; undefined where it does. For an address of IPv6 OpenSSL is asked first: Node's
 * own check knows none in its releases 22.23, 24.17, 26.4 and some later ones (nodejs/node#64144).
 */
function identityFault(host: string, certificate: PeerCertificate): Error | undefined {
  if (isIPv6(host) && new X509Certificate(certificate.raw).checkIP(host) !== undefined) return undefined;
  return checkServerIdentity(host, certificate);
}

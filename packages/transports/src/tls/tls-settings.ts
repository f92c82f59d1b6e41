import { QanatError } from '@qanat/core';
import type { TlsMaterial } from './tls-material.ts';

/** Whether clients show a certificate: never, if they have one, always. One that is shown has to hold. */
export type ClientCertificates = 'none' | 'optional' | 'required';

/** A handshake that takes longer is given up. */
export const TLS_HANDSHAKE_MS = 10_000;
/** Sockets of one listener that are in their handshake: beyond it the one that began first is dropped. */
export const TLS_HANDSHAKES_MAX = 1_024;

/** How a transport speaks TLS. */
export interface TlsSettings {
  /** Of this side. A listener needs a certificate, and where it asks for those of clients a CA. */
  readonly material: TlsMaterial;
  /** Whether a listener asks clients for certificates. Default `none`. */
  readonly clientCertificates?: ClientCertificates;
  /** Time that a handshake may take, ms. Default TLS_HANDSHAKE_MS. */
  readonly handshakeMs?: number;
  /** Sockets in their handshake at a listener; beyond it the oldest is dropped. Default TLS_HANDSHAKES_MAX. */
  readonly handshakesMax?: number;
}

/** Told of a peer of a listener that was dropped because it does not speak as the listener does. */
export type OnRefused = (remote: string, error: QanatError) => void;

/** BAD_CONFIG where there can be no listener with these settings. */
export function whyNotServing({ material, clientCertificates = 'none' }: TlsSettings, address: string): QanatError | undefined {
  const refusal = (message: string, hint: string): QanatError =>
    new QanatError('BAD_CONFIG', `cannot listen with TLS at ${address}: ${message}`, { hint });
  if (!material.hasCertificate)
    return refusal('there is no certificate', 'give --tls-cert and --tls-key; `qanat tls init` makes them');
  if (clientCertificates !== 'none' && !material.hasCa)
    return refusal('certificates of clients cannot be verified', 'give --tls-ca, the CA that they come from');
  return undefined;
}

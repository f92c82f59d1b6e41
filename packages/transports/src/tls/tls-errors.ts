// What OpenSSL and Node say of TLS that failed, in words that tell what to do.
import { QanatError } from '@qanat/core';

type NodeError = Error & { readonly code?: string; readonly reason?: string };

interface Explanation {
  readonly why: string;
  readonly hint: string;
}

const RENEW = 'renew it: `qanat tls server --force`, `qanat tls client NAME --force`';
const OTHER_CA = {
  why: 'it comes from an authority that is not trusted here',
  hint: 'name the CA certificate of the cluster: --tls-ca ca.pem, or `tls: { ca }`',
};

/** Of a certificate, by the code of OpenSSL's verification. */
const CERTIFICATE_FAULTS: Readonly<Record<string, Explanation>> = {
  CERT_HAS_EXPIRED: { why: 'it has expired', hint: RENEW },
  CERT_NOT_YET_VALID: { why: 'it is not valid yet', hint: 'compare the clocks of both machines' },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: OTHER_CA,
  UNABLE_TO_GET_ISSUER_CERT: OTHER_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: OTHER_CA,
  SELF_SIGNED_CERT_IN_CHAIN: OTHER_CA,
  DEPTH_ZERO_SELF_SIGNED_CERT: OTHER_CA,
  CERT_SIGNATURE_FAILURE: OTHER_CA,
  ERR_TLS_CERT_ALTNAME_INVALID: {
    why: 'it is not for this host name or address',
    hint: 'use an address that stands in the certificate, or make one for it: `qanat tls server --force --host NAME`',
  },
};

const faultOf = (code: string | undefined): Explanation =>
  CERTIFICATE_FAULTS[code ?? ''] ?? { why: `it was not verified (${code})`, hint: RENEW };

const VERSIONS = { why: 'the two sides have no TLS version in common', hint: 'TLS 1.2 or 1.3 is needed on both sides' };
const REFUSED = {
  why: 'the server refused the certificate of this client',
  hint: 'show one of the CA that the server trusts, and that has not expired: --tls-cert, --tls-key',
};
const WANTED = {
  why: 'the server wants a certificate of this client',
  hint: 'show one: --tls-cert, --tls-key, or `tls: { cert, key }`; `qanat tls client NAME` makes it',
};

/** The code of an error; OpenSSL from 3.2 on has another name for the alerts that are as old as SSL 3. */
const codeOf = ({ code }: NodeError): string | undefined => code?.replace('_SSL/TLS_ALERT_', '_SSLV3_ALERT_');

/** What a server answers a client with, as the client's OpenSSL puts it. */
const ANSWERS: Readonly<Record<string, Explanation>> = {
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: VERSIONS,
  ERR_SSL_UNSUPPORTED_PROTOCOL: VERSIONS,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: WANTED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: REFUSED,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: REFUSED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: REFUSED,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: REFUSED,
};

const NO_TLS: ReadonlySet<string | undefined> = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_HTTP_REQUEST']);

/** Schemes with TLS, and the same without. */
const PLAIN_SCHEMES = { qanats: 'qanat', wss: 'ws', mqtts: 'mqtt', 'mqtt+wss': 'mqtt+ws' } as const;
export type SecureScheme = keyof typeof PLAIN_SCHEMES;

const isVerification = (code: string | undefined): boolean => code !== undefined && code in CERTIFICATE_FAULTS;

/**
 * What a client is told of a connection over TLS that failed before it was open; undefined where TLS has no part in it.
 *
 * @param remote the address that was dialled, with this scheme.
 * @param shaking TCP was connected and TLS not yet agreed upon.
 * @param hasCertificate the client has one to show.
 */
export function dialTlsError(
  error: NodeError,
  scheme: SecureScheme,
  remote: string,
  shaking: boolean,
  hasCertificate: boolean,
): QanatError | undefined {
  const plain = `${PLAIN_SCHEMES[scheme]}://`;
  const failed = (code: 'TLS_FAILED' | 'CONNECTION_FAILED', { why, hint }: Explanation): QanatError =>
    new QanatError(code, `cannot connect to ${remote} over TLS: ${why}`, { cause: error, hint });
  const code = codeOf(error);
  if (isVerification(code)) {
    const { why, hint } = faultOf(code);
    return failed('TLS_FAILED', { why: `the certificate of the server does not hold: ${why}${namesIn(error)}`, hint });
  }
  if (NO_TLS.has(code))
    return failed('TLS_FAILED', { why: 'the server does not speak TLS there', hint: `use ${plain} for a listener without TLS` });
  const answer = ANSWERS[code ?? ''];
  if (answer !== undefined) return failed('TLS_FAILED', answer);
  // TLS 1.2 has no alert of its own for a certificate that is missing.
  if (code === 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE') return failed('TLS_FAILED', hasCertificate ? REFUSED : WANTED);
  if (code?.startsWith('ERR_SSL_')) return failed('TLS_FAILED', { why: reasonOf(error), hint: 'see the log of the server' });
  if (!shaking) return undefined;
  return failed('CONNECTION_FAILED', {
    why: `the handshake broke off (${error.code ?? error.message})`,
    hint: `is this a listener without TLS? then use ${plain}`,
  });
}

/** Whoever shows a certificate that the server does not take is dropped without a word. */
export const droppedAfterHandshake = (remote: string): QanatError =>
  new QanatError('CONNECTION_FAILED', `cannot connect to ${remote} over TLS: the server closed right after the handshake`, {
    hint: 'see its log: mostly it does not take the certificate of this client',
  });

/** The names that a certificate has instead of the one wanted. */
function namesIn({ code, message }: NodeError): string {
  if (code !== 'ERR_TLS_CERT_ALTNAME_INVALID') return '';
  return ` (${message.replace(/^Hostname\/IP does not match certificate's altnames: /, '').trim()})`;
}

const reasonOf = ({ reason, code, message }: NodeError): string => reason ?? code ?? message;

/** What a client did that the server's OpenSSL could not go on with. */
const FAULTS_OF_CLIENTS: Readonly<Record<string, Explanation>> = {
  ERR_SSL_UNSUPPORTED_PROTOCOL: VERSIONS,
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: {
    why: 'it showed no certificate',
    hint: 'the client needs --tls-cert and --tls-key; `qanat tls client NAME` makes them',
  },
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: { why: "it says that this server's certificate has expired", hint: RENEW },
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: { why: "it does not trust the CA of this server's certificate", hint: OTHER_CA.hint },
};

const LEFT = {
  why: 'it left in the middle of the handshake',
  hint: "it may not take this server's certificate: expired, of a CA that it does not know, or for another host name",
};

/**
 * What an operator is told of a client with which TLS failed.
 *
 * @param scheme of the listener.
 * @param verification the code of OpenSSL where the client's certificate was not verified.
 */
export function acceptTlsError(
  error: NodeError,
  scheme: SecureScheme,
  remote: string,
  verification?: string | undefined,
): QanatError {
  if (verification !== undefined) return badCertificate(verification, remote);
  const code = codeOf(error);
  const known = NO_TLS.has(code) ? withoutTls(error, scheme) : FAULTS_OF_CLIENTS[code ?? ''];
  const { why, hint } =
    known ?? (error.code === 'ECONNRESET' ? LEFT : { why: reasonOf(error), hint: 'see the log of the client' });
  return new QanatError('TLS_FAILED', `no TLS with ${remote}: ${why}`, { cause: error, hint });
}

const withoutTls = ({ code }: NodeError, scheme: SecureScheme): Explanation => ({
  why: code === 'ERR_SSL_HTTP_REQUEST' ? 'it sent a request of HTTP without TLS' : 'it does not speak TLS',
  hint: `clients of this listener use ${scheme}://`,
});

/** The certificate that a client showed does not hold. */
export function badCertificate(verification: string, remote: string): QanatError {
  const { why, hint } = faultOf(verification);
  return new QanatError('TLS_FAILED', `no TLS with ${remote}: its certificate does not hold: ${why}`, { hint });
}

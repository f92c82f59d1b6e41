// What etcd and the way to it say, in words that tell what to do.
import { QanatError } from '@qanat/core';
import type { EndpointFailure, EtcdAnswer } from './etcd-endpoint.ts';

/** Codes of gRPC, as the gateway passes them on. */
const GRPC = { INVALID_ARGUMENT: 3, NOT_FOUND: 5, PERMISSION_DENIED: 7, UNAUTHENTICATED: 16 } as const;

const messageOf = ({ json }: EtcdAnswer): string => String(json.error ?? json.message ?? 'no reason');

export const isNotFound = (answer: EtcdAnswer): boolean => answer.json.code === GRPC.NOT_FOUND;

/** The token is none any more: it was not used for minutes, etcd has started anew, or its users have changed. */
export const isStaleToken = (answer: EtcdAnswer): boolean =>
  answer.json.code === GRPC.UNAUTHENTICATED || messageOf(answer).includes('revision of auth store is old');

const CERTIFICATE = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/;

/** Of a request that no member has answered; `failure` is that of the last one. */
export function unreachable(failure: EndpointFailure, url: URL): QanatError {
  const cause = failure.cause as NodeJS.ErrnoException;
  const message = `etcd at ${url.host} does not answer: ${cause.code ?? cause.message}`;
  const options = { cause: failure, outcome: failure.sent ? 'unknown' : 'not-sent' } as const;
  if (CERTIFICATE.test(cause.code ?? '')) {
    const hint = 'compare the CA, the host name and the client certificate with those that etcd was started with';
    return new QanatError('TLS_FAILED', message, { ...options, hint });
  }
  const hint = `look at etcd: etcdctl --endpoints ${url.origin} endpoint status`;
  return new QanatError(failure.sent ? 'TIMEOUT' : 'CONNECTION_FAILED', message, { ...options, hint });
}

/** Of an answer that is an error. */
export function refused(answer: EtcdAnswer, url: URL): QanatError {
  const message = `etcd at ${url.host}: ${messageOf(answer)}`;
  const refusal = (code: 'AUTH_FAILED' | 'UNAUTHENTICATED' | 'FORBIDDEN' | 'INVALID_ARGUMENT', hint: string): QanatError =>
    new QanatError(code, message, { hint });
  if (message.includes('user name is empty'))
    return refusal('UNAUTHENTICATED', 'this etcd asks who its clients are: give a user and a password for it');
  if (message.includes('authentication failed') || answer.json.code === GRPC.UNAUTHENTICATED)
    return refusal('AUTH_FAILED', 'check the user and the password for etcd');
  if (answer.json.code === GRPC.PERMISSION_DENIED)
    return refusal('FORBIDDEN', 'etcdctl role grant-permission ROLE readwrite --prefix=true /qanat/');
  if (answer.json.code === GRPC.INVALID_ARGUMENT || answer.json.code === GRPC.NOT_FOUND)
    return refusal('INVALID_ARGUMENT', 'is this an etcd of version 3.4 or newer?');
  // A leader that has changed, or a proposal that timed out, may have been done.
  return new QanatError('NOT_READY', message, { outcome: 'unknown', hint: 'etcd may have no leader: etcdctl endpoint status' });
}

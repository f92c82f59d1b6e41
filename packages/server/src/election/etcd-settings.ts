import { QanatError } from '@qanat/core';
import type { TlsFiles } from '@qanat/transports/tls';

/** How an etcd cluster is reached. */
export interface EtcdSettings {
  /**
   * Where its members listen for clients: `http://host:port`, `https://host:port` or `host:port` (http), several with commas
   * between them or as a list. Each is asked in turn when the one before does not answer.
   */
  readonly endpoints: string | readonly string[];
  /** For `https`: the authority of the members' certificates, and the certificate of this client where they ask for one. */
  readonly tls?: TlsFiles | undefined;
  /** Where etcd asks who its clients are. */
  readonly login?: { readonly user: string; readonly password: string } | undefined;
  /** How long one member may take for an answer, ms. Default ETCD_TIMEOUT_MS. */
  readonly timeoutMs?: number | undefined;
}

/** An etcd member that has not answered by then is taken for dead, and another one is asked. */
export const ETCD_TIMEOUT_MS = 1_000;

/** A port has to be named: it is never that of the web. */
const FORM = /^https?:\/\/[^/?#@]+:\d+\/?$/;
const HINT = 'name the client URLs of etcd: http://10.0.0.1:2379,http://10.0.0.2:2379';

/** @throws QanatError BAD_CONFIG. */
export function parseEtcdEndpoints(endpoints: string | readonly string[]): readonly URL[] {
  const texts = typeof endpoints === 'string' ? endpoints.split(',') : endpoints;
  const urls = texts.map((text) => text.trim()).filter((text) => text !== '');
  if (urls.length === 0) throw new QanatError('BAD_CONFIG', 'no endpoint of etcd is named', { hint: HINT });
  return urls.map(parseEndpoint);
}

function parseEndpoint(text: string): URL {
  const full = text.includes('://') ? text : `http://${text}`;
  if (!FORM.test(full) || !URL.canParse(full))
    throw new QanatError('BAD_CONFIG', `"${text}" is no endpoint of etcd`, { hint: HINT });
  return new URL(full);
}

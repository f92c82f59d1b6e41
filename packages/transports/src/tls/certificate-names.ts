import type { X509Certificate } from 'node:crypto';

/** Node quotes a name that could be taken for several; none of them is a name of a host or of a principal. */
const QUOTED = /"(?:[^"\\]|\\.)*"/g;
const DNS = 'DNS:';

/** The names in a verified certificate: the subject's common name first, then the DNS names of `subjectAltName` (RFC 5280). */
export function certificateNames(certificate: X509Certificate): readonly string[] {
  const { CN } = certificate.toLegacyObject().subject as { readonly CN?: string | readonly string[] };
  const dns = (certificate.subjectAltName ?? '')
    .replace(QUOTED, '')
    .split(', ')
    .filter((name) => name.startsWith(DNS))
    .map((name) => name.slice(DNS.length));
  const names = [...(CN === undefined ? [] : [CN].flat()), ...dns];
  return [...new Set(names)].filter((name) => name !== '');
}

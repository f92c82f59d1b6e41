// How certificates are made: X.509 with keys of the curve P-256. Node can read them and not make them.
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { generate } from 'selfsigned';

/** A certificate and its private key, PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;
const CA_DAYS = 3_650;
/** Clocks of other machines may be behind. */
const SKEW_MS = 3_600_000;
const EC = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;
/** The kinds of names in a certificate (RFC 5280, 4.2.1.6). */
const DNS_NAME = 2;
const IP_ADDRESS = 7;

const validFor = (days: number): { notBeforeDate: Date; notAfterDate: Date } => {
  const nowMs = Date.now();
  return { notBeforeDate: new Date(nowMs - SKEW_MS), notAfterDate: new Date(nowMs + days * DAY_MS) };
};

/** An authority of its own. Its name differs from that of any other, so that a verifier never tries the wrong key. */
export async function makeCa(): Promise<Pair> {
  const name = `Qanat CA ${randomBytes(4).toString('hex')}`;
  const made = await generate([{ name: 'commonName', value: name }], {
    ...EC,
    ...validFor(CA_DAYS),
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return pairOf(made);
}

/** Of all servers of a cluster; a broker shows it to its NameServers too. @param hosts names and addresses of IP. */
export function makeServerCertificate(ca: Pair, hosts: readonly string[], days: number): Promise<Pair> {
  const altNames = hosts.map((host) =>
    isIP(host) === 0 ? ({ type: DNS_NAME, value: host } as const) : ({ type: IP_ADDRESS, ip: host } as const),
  );
  return issue(ca, 'server', days, [
    { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
    { name: 'subjectAltName', altNames },
  ]);
}

/** Of one client, whose name is the subject's common name. */
export const makeClientCertificate = (ca: Pair, name: string, days: number): Promise<Pair> =>
  issue(ca, name, days, [{ name: 'extKeyUsage', clientAuth: true }]);

/** Files of PEM can be joined: each ends with its line. */
const pairOf = (made: Awaited<ReturnType<typeof generate>>): Pair => ({
  cert: `${made.cert.trimEnd()}\n`,
  key: `${made.private.trimEnd()}\n`,
});

type Extensions = NonNullable<NonNullable<Parameters<typeof generate>[1]>['extensions']>;

async function issue(ca: Pair, commonName: string, days: number, extensions: Extensions): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: commonName }], {
    ...EC,
    ...validFor(days),
    ca,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      ...extensions,
    ],
  });
  return pairOf(made);
}

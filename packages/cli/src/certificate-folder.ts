// The folder of `qanat tls`: a CA, and the certificates that it has signed.
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCa, makeClientCertificate, makeServerCertificate, type Pair } from './certificates.ts';
import { usageError } from './errors.ts';

/** A pair of files, and what became of it. */
export interface CertificateFiles {
  readonly what: 'ca' | 'server' | 'client';
  /** Of a client. */
  readonly name?: string;
  readonly cert: string;
  readonly key: string;
  /** When the certificate expires, ISO 8601. */
  readonly until: string;
  /** Host names and addresses that it is for. */
  readonly hosts: readonly string[];
  /** False: it was there before, and is as it was. */
  readonly made: boolean;
}

/** Only the owner may read a key, and look into the folder. */
const KEY_MODE = 0o600;
const FOLDER_MODE = 0o700;

export class CertificateFolder {
  readonly #folder: string;
  readonly #replaces: boolean;

  /** @param replaces whether files that are there are made anew. Without it nothing is overwritten. */
  constructor(folder: string, replaces: boolean) {
    this.#folder = folder;
    this.#replaces = replaces;
    mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  }

  ca(): Promise<CertificateFiles> {
    return this.#make('ca', 'ca', makeCa);
  }

  server(hosts: readonly string[], days: number): Promise<CertificateFiles> {
    return this.#make('server', 'server', () => makeServerCertificate(this.#loadCa(), hosts, days));
  }

  async client(name: string, days: number): Promise<CertificateFiles> {
    const files = await this.#make('client', `client-${name}`, () => makeClientCertificate(this.#loadCa(), name, days));
    return { ...files, name };
  }

  async #make(what: CertificateFiles['what'], name: string, make: () => Promise<Pair>): Promise<CertificateFiles> {
    const cert = join(this.#folder, `${name}.pem`);
    const key = join(this.#folder, `${name}-key.pem`);
    const made = this.#replaces || this.#isFree(cert, key);
    if (made) this.#write(cert, key, await make());
    const certificate = new X509Certificate(readFileSync(cert));
    return { what, cert, key, until: new Date(certificate.validTo).toISOString(), hosts: hostsOf(certificate), made };
  }

  /** A key may be kept elsewhere: half a pair is not made whole by another one. */
  #isFree(cert: string, key: string): boolean {
    const [there, missing] = existsSync(cert) ? [cert, key] : [key, cert];
    if (existsSync(there) === existsSync(missing)) return !existsSync(there);
    throw usageError(`${there} is there, and ${missing} is not`, 'bring it back, or make both anew with --force');
  }

  #write(cert: string, key: string, pair: Pair): void {
    replace(key, pair.key, KEY_MODE);
    replace(cert, pair.cert, 0o644);
  }

  /** @throws CliError where the folder has no CA of this kind. */
  #loadCa(): Pair {
    const [certFile, keyFile] = [join(this.#folder, 'ca.pem'), join(this.#folder, 'ca-key.pem')];
    if (!existsSync(certFile) || !existsSync(keyFile))
      throw usageError(`${this.#folder} has no CA: ca.pem and ca-key.pem are needed to sign`, 'qanat tls init makes one');
    const pair = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
    const certificate = new X509Certificate(pair.cert);
    const key = createPrivateKey(pair.key);
    if (!certificate.checkPrivateKey(key))
      throw usageError(`${keyFile} is not the key of ${certFile}`, 'put the two together that were made together');
    if (key.asymmetricKeyType !== 'ec')
      throw usageError(
        `${keyFile} is a key of the kind ${key.asymmetricKeyType}`,
        'this command signs with keys of elliptic curves',
      );
    return pair;
  }
}

function hostsOf({ subjectAltName }: X509Certificate): readonly string[] {
  const names = subjectAltName?.split(', ') ?? [];
  return names.map((name) => name.replace(/^DNS:/, '').replace(/^IP Address:(.*)$/, (_, address) => shortAddress(address)));
}

/** Node spells out every zero of IPv6. */
const shortAddress = (address: string): string =>
  address.includes(':') ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;

/** Whoever reads the file has the old content or the new one. */
function replace(path: string, text: string, mode: number): void {
  const next = `${path}.${randomBytes(4).toString('hex')}`;
  writeFileSync(next, text, { mode });
  renameSync(next, path);
}

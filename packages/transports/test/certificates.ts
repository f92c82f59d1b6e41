// Certificates for tests, made when they are asked for.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';

const EC = { keyType: 'ec', algorithm: 'sha256' } as const;
const DAY_MS = 86_400_000;

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface LeafOptions {
  /** DNS names; default `localhost`. */
  readonly names?: readonly string[];
  /** Default 127.0.0.1 and ::1. */
  readonly addresses?: readonly string[];
  /** Days from now; default -1 and 30. */
  readonly from?: number;
  readonly to?: number;
}

const at = (days: number): Date => new Date(Date.now() + days * DAY_MS);

/** An authority, and a folder for what it makes. */
export class TestCa {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'qanat-tls-'));
  readonly pair: Pair;
  readonly #files = new Map<string, string>();

  private constructor(pair: Pair) {
    this.pair = pair;
  }

  static async make(name = 'test CA'): Promise<TestCa> {
    const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
      ...EC,
      notBeforeDate: at(-60),
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      ],
    });
    return new TestCa({ cert, key });
  }

  /** The file with its certificate. */
  get ca(): string {
    return this.write('ca.pem', this.pair.cert);
  }

  async issue(commonName: string, options: LeafOptions = {}): Promise<Pair> {
    const { names = ['localhost'], addresses = ['127.0.0.1', '::1'], from = -1, to = 30 } = options;
    const { cert, private: key } = await generate([{ name: 'commonName', value: commonName }], {
      ...EC,
      ca: this.pair,
      notBeforeDate: at(from),
      notAfterDate: at(to),
      extensions: [
        { name: 'basicConstraints', cA: false, critical: true },
        { name: 'keyUsage', digitalSignature: true, critical: true },
        { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
        {
          name: 'subjectAltName',
          altNames: [
            ...names.map((value) => ({ type: 2 as const, value })),
            ...addresses.map((ip) => ({ type: 7 as const, ip })),
          ],
        },
      ],
    });
    return { cert, key };
  }

  /** The same as files. */
  async files(commonName: string, options: LeafOptions = {}): Promise<Pair> {
    return this.writePair(commonName, await this.issue(commonName, options));
  }

  writePair(name: string, { cert, key }: Pair): Pair {
    return { cert: this.write(`${name}.pem`, cert), key: this.write(`${name}-key.pem`, key) };
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    if (this.#files.get(path) !== text) writeFileSync(path, text);
    this.#files.set(path, text);
    return path;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

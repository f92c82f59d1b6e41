import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { QanatError } from '@qanat/core';

/** Files of PEM. All are optional: a client may trust the authorities that Node knows, and show no certificate of its own. */
export interface TlsFiles {
  /** Certificates of the authorities that the peer's certificate has to come from. Default: those that Node knows. */
  readonly ca?: string | undefined;
  /** The own certificate, with those between it and the authority behind it. Goes with `key`. */
  readonly cert?: string | undefined;
  /** The private key of `cert`, without a passphrase. */
  readonly key?: string | undefined;
}

/** What becomes of files that have changed. */
export interface TlsFilesEvents {
  /** New connections use the new files from now on. `until`: when the own certificate expires, for people. */
  onRenewed?(until: string | undefined): void;
  /** The new files are of no use, and those that were read before stay in force. Told once of each state of the files. */
  onBroken?(error: QanatError): void;
}

/** How often a listener looks whether its files have changed. */
export const TLS_FILES_POLL_MS = 2_000;

const badConfig = (message: string, hint: string): QanatError => new QanatError('BAD_CONFIG', message, { hint });
const PEM_HINT = '`qanat tls init` makes a CA, a certificate and their keys';

/**
 * The certificates and the key of one side, read from files and read again when these change: by a listener every
 * TLS_FILES_POLL_MS, by a client when it dials. Files that are broken, or halfway replaced, change nothing.
 */
export class TlsMaterial {
  readonly #files: TlsFiles;
  readonly #events: TlsFilesEvents;
  readonly #watchers = new Set<() => void>();
  #options: SecureContextOptions;
  #context: SecureContext | undefined;
  #poll: NodeJS.Timeout | undefined;
  /** States of the files: the one in use; one that failed at the first look, when it may be half written; one that was told. */
  #used: string;
  #suspect = '';
  #told = '';

  /** @throws QanatError BAD_CONFIG where a file cannot be used. It never holds what stands in a file. */
  constructor(files: TlsFiles, events: TlsFilesEvents = {}) {
    this.#files = files;
    this.#events = events;
    this.#used = stateOf(files);
    this.#options = load(files);
  }

  /** Whether there is a certificate to show to peers. */
  get hasCertificate(): boolean {
    return this.#files.cert !== undefined;
  }

  /** Whether authorities are named, instead of those that Node knows. */
  get hasCa(): boolean {
    return this.#files.ca !== undefined;
  }

  /** For servers: what `createServer` and `setSecureContext` take. */
  get options(): SecureContextOptions {
    return this.#options;
  }

  /** For clients: looks at the files first. */
  dialContext(): SecureContext {
    this.look();
    this.#context ??= createSecureContext(this.#options);
    return this.#context;
  }

  /** When the own certificate expires, as text; undefined without one. */
  get until(): string | undefined {
    return this.#options.cert === undefined ? undefined : new X509Certificate(this.#options.cert as Buffer).validTo;
  }

  /** Reads files that have changed. Whoever replaces several of them has until the next look. */
  look(): void {
    const state = stateOf(this.#files);
    if (state === this.#used || state === this.#told) return;
    this.#read(state, state === this.#suspect);
    this.#suspect = state;
  }

  /** Reads the files now: whoever asks for it has replaced all of them. */
  reload(): void {
    this.#read(stateOf(this.#files), true);
  }

  /** Looks every TLS_FILES_POLL_MS. @param onRenewed called when `options` has become another one. @returns what ends it. */
  watch(onRenewed: () => void): () => void {
    this.#watchers.add(onRenewed);
    this.#poll ??= setInterval(() => this.look(), TLS_FILES_POLL_MS).unref();
    return () => {
      this.#watchers.delete(onRenewed);
      if (this.#watchers.size > 0) return;
      clearInterval(this.#poll);
      this.#poll = undefined;
    };
  }

  #read(state: string, sure: boolean): void {
    try {
      this.#options = load(this.#files);
    } catch (error) {
      if (sure) this.#told = state;
      if (sure) this.#events.onBroken?.(error as QanatError);
      return;
    }
    this.#used = state;
    this.#context = undefined;
    for (const onRenewed of this.#watchers) onRenewed();
    this.#events.onRenewed?.(this.until);
  }
}

/** Another text where a file is another one, or was written again. */
const stateOf = ({ ca, cert, key }: TlsFiles): string => [ca, cert, key].map((path) => path && stateOfFile(path)).join();

function stateOfFile(path: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(path);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch (error) {
    // What it means is told by reading it.
    return String((error as NodeJS.ErrnoException).code);
  }
}

function load({ ca, cert, key }: TlsFiles): SecureContextOptions {
  if ((cert === undefined) !== (key === undefined))
    throw badConfig(`a TLS certificate goes with its key, and ${cert ?? key} is alone`, PEM_HINT);
  const pem = {
    ...(ca === undefined ? {} : { ca: readCertificate('CA certificate', ca) }),
    ...(cert === undefined ? {} : { cert: readCertificate('certificate', cert) }),
    ...(key === undefined ? {} : { key: readKey(key) }),
  };
  if (cert !== undefined && key !== undefined) checkPair(pem as { cert: Buffer; key: Buffer }, cert, key);
  const options: SecureContextOptions = {
    ...pem,
    // QNT-TCP-009. Node's own least version may be lowered by its command line.
    minVersion: 'TLSv1.2',
    // A client of TLS 1.2 could make the server begin anew again and again.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
  // Without files this would only read the authorities of Node, which takes its time.
  if (ca !== undefined || cert !== undefined) checkContext(options);
  return options;
}

/** Finds what OpenSSL refuses although it can be read: a key that is too short, for example. */
function checkContext(options: SecureContextOptions): void {
  try {
    createSecureContext(options);
  } catch (cause) {
    const { reason, message } = cause as Error & { readonly reason?: string };
    throw new QanatError('BAD_CONFIG', `the TLS files are of no use: ${reason ?? message}`, { cause, hint: PEM_HINT });
  }
}

function read(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new QanatError('BAD_CONFIG', `cannot read the TLS ${what} ${path}: ${code}`, { cause, hint: PEM_HINT });
  }
}

function readCertificate(what: string, path: string): Buffer {
  const pem = read(what, path);
  try {
    new X509Certificate(pem);
    return pem;
  } catch {
    throw badConfig(`the TLS ${what} ${path} is no certificate in PEM`, PEM_HINT);
  }
}

function readKey(path: string): Buffer {
  const pem = read('key', path);
  try {
    createPrivateKey(pem);
    return pem;
  } catch {
    // Nothing of the cause: it is about the content of a secret.
    throw badConfig(`the TLS key ${path} is no private key in PEM without a passphrase`, PEM_HINT);
  }
}

function checkPair(pem: { readonly cert: Buffer; readonly key: Buffer }, cert: string, key: string): void {
  if (new X509Certificate(pem.cert).checkPrivateKey(createPrivateKey(pem.key))) return;
  throw badConfig(`the TLS key ${key} is not that of the certificate ${cert}`, 'give the two files that were made together');
}

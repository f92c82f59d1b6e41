import type { EngineHost } from '../context.ts';
import { QanatError } from '../errors.ts';
import { encodeBase64 } from '../wire/base64.ts';
import { readUtf8 } from '../wire/bytes.ts';
import type { AuthInit, AuthOk, HelloOk } from '../wire/gen/messages.ts';
import { AuthMechanism, AuthMechanismNames } from '../wire/gen/registry.ts';
import { isPassword } from './scram.ts';
import { type KeyRequest, ScramClient } from './scram-client.ts';

/** How a client, or a broker at its NameServers, says who it is. */
export type Credentials =
  | {
      readonly kind: 'password';
      readonly user: string;
      readonly password: string;
      /** A nonce of SCRAM: printable ASCII without a comma, at least 128 bits of a cryptographic source. */
      nonce(): string;
    }
  /** The certificate that the transport shows. */
  | { readonly kind: 'certificate' };

/** How somebody logs in: by name and password, or by the certificate that the transport shows. */
export type LoginOptions = { readonly user: string; readonly password: string } | 'certificate';

/** @param nonce draws one: printable ASCII without a comma, at least 128 bits of a cryptographic source. */
export const credentialsOf = (login: LoginOptions, nonce: () => string): Credentials =>
  login === 'certificate' ? { kind: 'certificate' } : { kind: 'password', ...login, nonce };

/** Keys that are kept: a cluster has one salt for a user, two while its password is being changed. */
export const KEYS_MAX = 4;

type Ask = (auth: AuthInit, done: (error: QanatError | undefined, answer: AuthOk) => void) => void;
type LoginDone = (error: QanatError | undefined) => void;

/** Logs the connections of one engine in. A key is derived once for all of them. */
export class Login {
  readonly #host: EngineHost;
  readonly #credentials: Credentials;
  readonly #keys = new Map<string, Uint8Array>();

  /** @throws QanatError BAD_CONFIG. */
  constructor(host: EngineHost, credentials: Credentials) {
    if (credentials.kind === 'password' && !isPassword(credentials.password))
      throw new QanatError('BAD_CONFIG', 'a password is 1 to 1024 printable ASCII characters');
    this.#host = host;
    this.#credentials = credentials;
  }

  /** @param ask sends one AUTH. `done` is called once, unless the connection ends before. */
  run(hello: HelloOk, ask: Ask, done: LoginDone): void {
    const credentials = this.#credentials;
    const mechanism = credentials.kind === 'password' ? AuthMechanism.SCRAM_SHA_256 : AuthMechanism.EXTERNAL;
    if (!hello.mechanisms.includes(mechanism)) return done(notOffered(mechanism, hello.mechanisms));
    if (credentials.kind === 'certificate') ask({ mechanism }, (error) => done(error));
    else this.#scram(new ScramClient(credentials.user, credentials.password, credentials.nonce()), ask, done);
  }

  #scram(scram: ScramClient, ask: Ask, done: LoginDone): void {
    const mechanism = AuthMechanism.SCRAM_SHA_256;
    const guarded = (run: () => void): void => {
      try {
        run();
      } catch (error) {
        if (!QanatError.is(error)) throw error;
        done(error);
      }
    };
    ask({ mechanism, data: scram.first() }, (error, first) => {
      if (error !== undefined) return done(error);
      return guarded(() =>
        this.#derive(scram.serverFirst(text(first)), (failed, key) => {
          if (key === undefined) return done(failed);
          return ask({ mechanism, data: scram.final(key) }, (refused, last) => {
            if (refused !== undefined) return done(refused);
            return guarded(() => {
              scram.serverFinal(text(last));
              done(undefined);
            });
          });
        }),
      );
    });
  }

  #derive(request: KeyRequest, done: (error: QanatError | undefined, key: Uint8Array | undefined) => void): void {
    const name = `${request.iterations} ${encodeBase64(request.salt)}`;
    const known = this.#keys.get(name);
    if (known !== undefined) return done(undefined, known);
    return this.#host.deriveKey(request, (error, key) => {
      if (key !== undefined) this.#keep(name, key);
      done(error, key);
    });
  }

  #keep(name: string, key: Uint8Array): void {
    const [oldest] = this.#keys.keys();
    if (this.#keys.size >= KEYS_MAX && oldest !== undefined) this.#keys.delete(oldest);
    this.#keys.set(name, key);
  }
}

const text = ({ data }: AuthOk): string => readUtf8(data, 0, data.length);

function notOffered(mechanism: AuthMechanism, offered: readonly number[]): QanatError {
  const list = offered.map((number) => AuthMechanismNames[number] ?? `mechanism ${number}`).join(', ');
  const hint =
    mechanism === AuthMechanism.EXTERNAL
      ? 'show a client certificate (TLS), and let the server ask for one; or connect with a user and a password'
      : 'no user of this server has a password: connect with a client certificate';
  return new QanatError('AUTH_FAILED', `the server does not offer ${AuthMechanismNames[mechanism]} here (${list || 'nothing'})`, {
    outcome: 'not-sent',
    hint,
  });
}

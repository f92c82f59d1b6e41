import { QanatError } from '@qanat/core';
import { TlsMaterial } from '@qanat/transports/tls';
import { EndpointFailure, type EtcdAnswer, EtcdEndpoint, type Json } from './etcd-endpoint.ts';
import { isNotFound, isStaleToken, refused, unreachable } from './etcd-errors.ts';
import { ETCD_TIMEOUT_MS, type EtcdSettings, parseEtcdEndpoints } from './etcd-settings.ts';

/** etcd checks a password slowly on purpose (bcrypt). */
const LOGIN_TIMEOUT_MS = 5_000;
/** A kept connection may have died unseen, so that even a single member is asked twice. */
const ATTEMPTS_LEAST = 2;

/** Calls of etcd's JSON gateway: finds a member that answers, and logs in. */
export class EtcdClient {
  readonly #endpoints: readonly EtcdEndpoint[];
  readonly #login: EtcdSettings['login'];
  readonly #timeoutMs: number;
  #current = 0;
  #token: string | undefined;

  /** @throws QanatError BAD_CONFIG. */
  constructor(settings: EtcdSettings) {
    const urls = parseEtcdEndpoints(settings.endpoints);
    const material = urls.some(({ protocol }) => protocol === 'https:') ? new TlsMaterial(settings.tls ?? {}) : undefined;
    this.#endpoints = urls.map((url) => new EtcdEndpoint(url, material));
    this.#login = settings.login;
    this.#timeoutMs = settings.timeoutMs ?? ETCD_TIMEOUT_MS;
  }

  /**
   * @param repeatable done twice it does no harm. Otherwise another member is asked only when it is certain that none has done
   * it.
   * @returns undefined where etcd says that there is no such thing: a lease.
   * @throws QanatError; its outcome says what may have happened.
   */
  async call(path: string, body: object, repeatable: boolean): Promise<Json | undefined> {
    const answer = await this.#authorized((token) => this.#attempt(path, body, token, repeatable));
    if (answer.status === 200) return answer.json;
    if (isNotFound(answer)) return undefined;
    this.#turn(); // a member without a leader may be alone
    throw refused(answer, this.#endpoint.url);
  }

  /** Reads lines of an answer without end, of one member. @throws QanatError. */
  async follow(path: string, body: object, waitMs: number, onLine: (json: Json) => boolean): Promise<void> {
    const { url } = this.#endpoint;
    try {
      await this.#endpoint.follow({ path, body, token: await this.#newToken() }, waitMs, onLine);
    } catch (error) {
      throw error instanceof EndpointFailure ? unreachable(error, url) : error;
    }
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close();
  }

  get #endpoint(): EtcdEndpoint {
    return this.#endpoints[this.#current] as EtcdEndpoint;
  }

  #turn(): void {
    this.#current = (this.#current + 1) % this.#endpoints.length;
  }

  async #attempt(
    path: string,
    body: object,
    token: string | undefined,
    repeatable: boolean,
    timeoutMs: number = this.#timeoutMs,
  ): Promise<EtcdAnswer> {
    const attempts = Math.max(ATTEMPTS_LEAST, this.#endpoints.length);
    for (let left = attempts - 1; ; left--) {
      const endpoint = this.#endpoint;
      try {
        return await endpoint.post({ path, body, token }, timeoutMs);
      } catch (error) {
        if (!(error instanceof EndpointFailure)) throw error;
        // Others that failed meanwhile have turned it already.
        if (endpoint === this.#endpoint) this.#turn();
        if (left === 0 || (error.sent && !repeatable)) throw unreachable(error, endpoint.url);
      }
    }
  }

  /** A token that was refused was refused before anything was done. */
  async #authorized(run: (token: string | undefined) => Promise<EtcdAnswer>): Promise<EtcdAnswer> {
    const token = await this.#newToken();
    const answer = await run(token);
    if (token === undefined || answer.status === 200 || !isStaleToken(answer)) return answer;
    if (this.#token === token) this.#token = undefined;
    return run(await this.#newToken());
  }

  async #newToken(): Promise<string | undefined> {
    if (this.#login === undefined || this.#token !== undefined) return this.#token;
    const { user: name, password } = this.#login;
    const answer = await this.#attempt('/v3/auth/authenticate', { name, password }, undefined, true, LOGIN_TIMEOUT_MS);
    if (answer.status !== 200) throw refused(answer, this.#endpoint.url);
    if (typeof answer.json.token !== 'string') throw new QanatError('AUTH_FAILED', 'etcd gave no token');
    this.#token = answer.json.token;
    return this.#token;
  }
}

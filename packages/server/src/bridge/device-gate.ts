import { type DeriveKey, hostOf, mayDo, type Principal, sameBytes, type UserTable } from '@qanat/core';
import { ANONYMOUS, type Credentials, type Gate, type Peer } from '@qanat/mqtt';
import { GuessLimit } from './guess-limit.ts';
import { grantsMqtt } from './mqtt-rights.ts';
import { PasswordCheck } from './password-check.ts';

/** What the gate asks of the rules between topics. */
export interface TopicMapping {
  toCluster(mqttTopic: string): { readonly topic: string } | undefined;
  clusterTopicsOf(filter: string): readonly string[];
}

type Done = Parameters<Gate['authenticate']>[1];

const BUSY = 'too many passwords wait to be checked';

/** Lets everybody in, and everybody do everything. */
export const openGate: Gate = {
  authenticate: (_credentials, done) => queueMicrotask(() => done(ANONYMOUS)),
  mayPublish: () => true,
  maySubscribe: () => true,
};

export interface DeviceGateOptions {
  readonly users: UserTable;
  readonly mapping: TopicMapping;
  readonly deriveKey: DeriveKey;
  /** Monotonic, ms. */
  readonly nowMs: () => number;
}

/**
 * Lets in the users of a credentials file, by password or by the certificate that they showed, and grants them what their
 * permissions say of the topics of the cluster, or of MQTT topics themselves.
 */
export class DeviceGate implements Gate {
  readonly #options: DeviceGateOptions;
  readonly #passwords: PasswordCheck;
  readonly #guesses: GuessLimit;
  #users: UserTable;
  /** As whom a connection was let in. */
  readonly #admitted = new WeakMap<Peer, Principal>();

  constructor(options: DeviceGateOptions) {
    this.#options = options;
    this.#users = options.users;
    this.#passwords = new PasswordCheck(options.deriveKey);
    this.#guesses = new GuessLimit(options.nowMs);
  }

  /** The users as they are now. Passwords that were changed are verified anew. */
  set users(users: UserTable) {
    this.#users = users;
  }

  /** Whether the connection was let in as somebody who is known otherwise now, or not any more (QNT-AUT-015). */
  isOutdated(peer: Peer): boolean {
    const as = this.#admitted.get(peer);
    return as !== undefined && this.#users.find(as.name)?.text !== as.text;
  }

  /** The user whom a verified certificate stands for. */
  userOfCertificate(names: readonly string[] | undefined): string | undefined {
    return names?.find((name) => this.#users.find(name)?.certificate === true);
  }

  authenticate({ username, password, peer }: Credentials, done: Done): void {
    const shown = peer.certificate;
    if (shown !== undefined && this.#users.find(shown)?.certificate === true && (username === undefined || username === shown))
      return queueMicrotask(() => this.#admit(peer, shown, done));
    if (username === undefined) return refuse('it says no user', done);
    if (password === undefined) return refuse('it says no password', done);
    this.#checkPassword(peer, username, password, done);
  }

  mayPublish(principal: string, topic: string, clientId?: string): boolean {
    const user = this.#users.find(principal);
    if (user === undefined) return false;
    const mapped = this.#options.mapping.toCluster(topic);
    if (mapped !== undefined && mayDo(user, 'write', 'topic', mapped.topic)) return true;
    return isClient(user) && grantsMqtt(user, 'write', topic, clientId);
  }

  maySubscribe(principal: string, filter: string, clientId?: string): boolean {
    const user = this.#users.find(principal);
    if (user === undefined) return false;
    if (isClient(user) && grantsMqtt(user, 'read', filter, clientId)) return true;
    return this.#options.mapping.clusterTopicsOf(filter).every((topic) => mayDo(user, 'read', 'topic', topic));
  }

  #checkPassword(peer: Peer, username: string, password: Uint8Array, done: Done): void {
    const guesser = { host: hostOf(peer.address), user: username };
    const taken = this.#guesses.run(guesser, {
      isKnown: () => this.#passwords.isKnown(username, password, this.#users.keysOf(username)),
      check: (ended) => {
        const keys = this.#users.keysOf(username);
        this.#passwords.verify(username, password, keys, (verdict) => {
          // The file may have changed meanwhile.
          const isRight = verdict === 'right' && sameBytes(this.#users.keysOf(username).storedKey, keys.storedKey);
          ended?.(verdict !== 'busy' && !isRight);
          if (isRight) return this.#admit(peer, username, done);
          if (verdict === 'busy') return done('unavailable', BUSY);
          done('bad-credentials', 'the password is not that of the user');
        });
      },
      refuse: () => refuse('too many wrong passwords came from there', done),
    });
    if (!taken) queueMicrotask(() => done('unavailable', BUSY));
  }

  #admit(peer: Peer, name: string, done: Done): void {
    const principal = this.#users.find(name);
    if (principal === undefined) return done('bad-credentials');
    this.#admitted.set(peer, principal);
    done(name);
  }
}

const refuse = (why: string, done: Done): void => queueMicrotask(() => done('not-authorized', why));

const isClient = ({ roles }: Principal): boolean => roles.has('client');

import { describe, expect, it } from 'vitest';
import {
  AuthMechanism,
  Client,
  type ClientEvent,
  type Credentials,
  Login as EngineLogin,
  Feature,
  FRAME_NAMES,
  type Frame,
  KEYS_MAX,
  LIMITS,
  NameServer,
  type Output,
  Random,
  requestCodec,
  responseCodec,
  type UserTable,
} from '../../src/index.ts';
import { testPlatform } from '../platform.ts';
import { decoded, derive, frameOf, joined, scramOf, table, user } from './users.ts';

const password = (word = 'secret'): Credentials => ({ kind: 'password', user: 'ann', password: word, nonce: () => 'mine' });
const users = (): UserTable => table(user('ann', { scram: scramOf('secret'), permissions: ['all topic:*'] }));

/** A client whose connections end in the hands of the test. */
class Login {
  readonly client: Client;
  readonly events: ClientEvent[] = [];
  readonly sent: Frame[] = [];
  readonly ended: Output[] = [];
  /** What keys were derived from. */
  keys = 0;
  nowMs = 1;
  connection = 0;
  ready = false;
  /** Takes what the client sends. */
  server: ((frame: Uint8Array) => void) | undefined;

  constructor(credentials: Credentials | undefined, nameServers = ['ns:7600']) {
    this.client = new Client({
      platform: testPlatform,
      random: new Random(1),
      nameServers,
      schemes: ['qanat'],
      ...(credentials === undefined ? {} : { login: (host) => new EngineLogin(host, credentials) }),
      onEvent: (event) => this.events.push(event),
    });
    this.client.enter(this.nowMs);
    this.drain();
  }

  drain(): void {
    for (let outputs = this.client.drain(); outputs.length > 0; outputs = this.client.drain())
      for (const output of outputs) this.#perform(output);
  }

  #perform(output: Output): void {
    if (output.kind === 'connect') {
      this.connection = output.connection;
      this.client.handle({ kind: 'opened', connection: output.connection }, this.nowMs);
    } else if (output.kind === 'send') {
      const frame = joined(output.parts);
      this.sent.push(decoded([frame]));
      this.server?.(frame);
    } else if (output.kind === 'deriveKey') {
      this.keys++;
      const result = derive(output.request);
      this.client.handle({ kind: 'derived', operation: output.operation, error: undefined, result }, this.nowMs);
    } else if (output.kind === 'abort' || output.kind === 'close') this.ended.push(output);
    else if (output.kind === 'ready') this.ready = true;
  }

  /** A frame of the server. */
  receive(frame: Uint8Array): void {
    this.client.handle({ kind: 'frame', connection: this.connection, frame }, this.nowMs);
    this.drain();
  }

  /** Answers the last request. */
  answer(name: 'HELLO' | 'AUTH', header: object): void {
    const control = responseCodec(name).encode(header);
    this.receive(frameOf(name, control, this.sent.at(-1)?.correlation as number, 1));
  }

  get errors(): (string | undefined)[] {
    return this.events.map((event) => (event.kind === 'error' ? event.error.code : undefined));
  }

  names(): (string | undefined)[] {
    return this.sent.map(({ type }) => FRAME_NAMES.get(type));
  }
}

/** Joins a client to a NameServer that asks. */
function atNameServer(credentials: Credentials | undefined, known: UserTable | undefined): Login {
  const security = known === undefined ? {} : { security: { users: known, nonce: () => 'theirs' } };
  const engine = new NameServer({ name: 'ns', software: '', random: new Random(1), warmupMs: 0, ...security });
  engine.handle({ kind: 'accepted', connection: 2, remote: 'x', listener: 'default' }, 1);
  const login = new Login(credentials);
  const pass = (): void => {
    for (const output of engine.drain()) if (output.kind === 'send') login.receive(joined(output.parts));
  };
  login.server = (frame) => {
    engine.handle({ kind: 'frame', connection: 2, frame }, login.nowMs);
    pass();
  };
  for (const frame of login.sent) login.server(joined([frameOf('HELLO', frame.control as never, frame.correlation)]));
  engine.tick(2_000); // a refusal waits
  pass();
  return login;
}

const offer = { features: [Feature.FEATURE_AUTH], mechanisms: [AuthMechanism.SCRAM_SHA_256] };

describe('a client that logs in', () => {
  it('gets in with its password at a real NameServer [QNT-AUT-008]', () => {
    const login = atNameServer(password(), users());
    expect(login.ready).toBe(true);
    expect(login.names()).toEqual(['HELLO', 'AUTH', 'AUTH']);
    expect(login.keys).toBe(1);
  });

  it('hears that its password is wrong, once, as the error that it is [QNT-AUT-018]', () => {
    const login = atNameServer(password('Secret'), users());
    expect(login.ready).toBe(false);
    expect(login.errors).toEqual(['AUTH_FAILED']);
  });

  it('does not go on with a server that does not ask: it may be another one [QNT-AUT-002]', () => {
    const login = atNameServer(password(), undefined);
    expect(login.ready).toBe(false);
    expect(login.errors).toEqual(['UNSUPPORTED_FEATURE']);
    expect(login.names()).toEqual(['HELLO']);
  });

  it('without a user hears from a server that asks that it has to have one [QNT-AUT-003]', () => {
    const login = atNameServer(undefined, users());
    expect(login.errors).toEqual(['UNAUTHENTICATED']);
    expect((login.events[0] as { error: { hint: string } }).error.hint).toMatch(/user/);
  });

  it('asks for the feature AUTH as one that it requires [QNT-AUT-002]', () => {
    const hello = requestCodec('HELLO').decode(new Login(password()).sent[0]?.control as Uint8Array) as object;
    expect(hello).toMatchObject({
      features: [Feature.FEATURE_AUTH, Feature.FEATURE_KEYED_STATE, Feature.FEATURE_DEDUP, Feature.FEATURE_REPLICATION],
      requiredFeatures: [Feature.FEATURE_AUTH],
    });
  });

  it('says nothing but AUTH before it is in [QNT-AUT-016]', () => {
    const login = new Login(password());
    login.client.watchRoute('t', () => {});
    login.answer('HELLO', offer);
    login.drain();
    expect(login.names()).toEqual(['HELLO', 'AUTH']);
  });

  it('leaves a server that does not know the password, before it says more [QNT-AUT-010]', () => {
    const login = new Login(password());
    login.answer('HELLO', offer);
    login.answer('AUTH', { data: Buffer.from('r=mine-theirs,s=AAAA,i=4096') });
    login.answer('AUTH', { data: Buffer.from('v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='), done: true, principal: 'ann' });
    expect(login.ended.map(({ kind }) => kind)).toEqual(['abort']);
    expect(login.errors).toEqual(['AUTH_FAILED']);
    expect(login.ready).toBe(false);
  });

  it('leaves a server that does not offer its mechanism, and says which ones there are', () => {
    const login = new Login(password());
    login.answer('HELLO', { ...offer, mechanisms: [AuthMechanism.EXTERNAL, 99] });
    expect(login.events).toMatchObject([{ kind: 'error', error: { code: 'AUTH_FAILED' } }]);
    expect((login.events[0] as { error: Error }).error.message).toMatch(/EXTERNAL, mechanism 99/);
  });

  it('comes with its certificate alone where it was told so [QNT-AUT-012]', () => {
    const login = new Login({ kind: 'certificate' });
    login.answer('HELLO', { ...offer, mechanisms: [AuthMechanism.EXTERNAL] });
    const auth = requestCodec('AUTH').decode(login.sent[1]?.control as Uint8Array);
    expect(auth).toMatchObject({ mechanism: AuthMechanism.EXTERNAL, data: new Uint8Array() });
    login.answer('AUTH', { done: true, principal: 'ann' });
    expect(login.ready).toBe(true);
  });

  it('leaves a server that does not answer AUTH in time, like a dead one [QNT-AUT-006]', () => {
    const login = new Login(password());
    login.answer('HELLO', offer);
    login.nowMs += LIMITS.AUTH_DEADLINE_MS + 100;
    login.client.tick(login.nowMs);
    login.drain();
    expect(login.ended.length).toBeGreaterThan(0);
  });

  /** Connects again, to a server that has this salt for the user. */
  function comeAgain(login: Login, salt: string): void {
    login.client.handle({ kind: 'closed', connection: login.connection, error: undefined }, login.nowMs);
    login.server = undefined;
    login.nowMs += 10_000;
    login.client.tick(login.nowMs);
    login.drain();
    login.answer('HELLO', offer);
    login.answer('AUTH', { data: Buffer.from(`r=mine-again,s=${salt},i=4096`) });
  }

  it('derives a key once for all connections with one salt', () => {
    const login = atNameServer(password(), users());
    comeAgain(login, scramOf('secret').salt);
    expect(login.names().slice(-3)).toEqual(['HELLO', 'AUTH', 'AUTH']);
    expect(login.keys).toBe(1);
  });

  it('KEYS_MAX: keeps so many keys, and derives the oldest again', () => {
    const login = new Login(password());
    const salts = Array.from({ length: KEYS_MAX + 1 }, (_, i) => Buffer.from(`salt ${i}`).toString('base64'));
    const derivedFor = (salt: string): number => {
      const before = login.keys;
      comeAgain(login, salt);
      return login.keys - before;
    };
    expect(salts.map(derivedFor)).toEqual(salts.map(() => 1));
    expect(derivedFor(salts[1] as string)).toBe(0);
    expect(derivedFor(salts[0] as string)).toBe(1);
  });

  it('refuses a password that is no printable ASCII before it connects', () => {
    expect(() => new Login(password('sécret'))).toThrow(/printable ASCII/);
  });
});

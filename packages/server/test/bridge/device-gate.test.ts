import { pbkdf2Sync } from 'node:crypto';
import {
  type DeriveKey,
  principalOf,
  QanatError,
  SCRAM_ITERATIONS,
  scramKeys,
  scramRecord,
  type UserRecord,
  UserTable,
} from '@qanat/core';
import { matches } from '@qanat/mqtt';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { DeviceGate, type TopicMapping } from '../../src/bridge/device-gate.ts';
import { TRIES_WAITING_MAX } from '../../src/bridge/guess-limit.ts';
import { coversFilter } from '../../src/bridge/mqtt-rights.ts';
import { DERIVATIONS_MAX, DERIVATIONS_WAITING_MAX, PasswordCheck, VERIFIED_MAX } from '../../src/bridge/password-check.ts';
import { WRONG_KEYS_MAX, WRONG_PER_ADDRESS, WRONG_PER_USER, WrongPasswords } from '../../src/bridge/wrong-passwords.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
/** As quick as a test has to be: what is derived is the password itself. */
const saltedOf = (password: string): Uint8Array => pbkdf2Sync(password, 'salt', 1, 32, 'sha256');
const keysOf = (password: string): NonNullable<UserRecord['scram']> =>
  scramRecord(scramKeys(saltedOf(password), bytes('salt'), SCRAM_ITERATIONS));

const user = (name: string, more: Partial<UserRecord> = {}): UserRecord => ({
  name,
  roles: ['client'],
  scram: keysOf(`${name}-pw`),
  ...more,
});
const table = (...users: UserRecord[]): UserTable => new UserTable(users.map(principalOf), bytes('secret'));

/** `telemetry` for what begins so, `commands` likewise, `mqtt` for all else. */
const mapping: TopicMapping = {
  toCluster: (topic) => ({ topic: ['telemetry', 'commands'].find((name) => topic.startsWith(`${name}/`)) ?? 'mqtt' }),
  clusterTopicsOf: (filter) => (filter.startsWith('commands/') ? ['commands'] : ['telemetry', 'commands', 'mqtt']),
};

interface World {
  readonly gate: DeviceGate;
  readonly derived: string[];
  readonly refused: string[];
  nowMs: number;
  /** No key can be derived. */
  failing: boolean;
  connect(username?: string, password?: string, certificate?: string, address?: string): Promise<string>;
}

function world(...users: UserRecord[]): World {
  const derived: string[] = [];
  const refused: string[] = [];
  const deriveKey: DeriveKey = ({ password }, done) => {
    derived.push(password);
    setImmediate(() => (made.failing ? done(new QanatError('INTERNAL', 'no'), undefined) : done(undefined, saltedOf(password))));
  };
  const made: World = {
    derived,
    refused,
    nowMs: 0,
    failing: false,
    gate: new DeviceGate({
      users: table(...users),
      mapping,
      deriveKey,
      nowMs: () => made.nowMs,
    }),
    connect: (username, password, certificate, address = '10.0.0.1:5') =>
      new Promise((resolve) => {
        const peer = { address, secure: true, ...(certificate === undefined ? {} : { certificate }) };
        const said = password === undefined ? undefined : bytes(password);
        made.gate.authenticate({ clientId: 'c', username, password: said, peer }, (answer, why) => {
          if (why !== undefined) refused.push(why);
          resolve(answer);
        });
      }),
  };
  return made;
}

describe('the gate of devices', () => {
  it('lets in who says the password of the user, and tells nobody else why [MQTT-3.1.4-2]', async () => {
    const { connect, refused } = world(user('ann'));
    expect(await connect('ann', 'ann-pw')).toBe('ann');
    expect(await connect('ann', 'wrong')).toBe('bad-credentials');
    expect(await connect('nobody', 'ann-pw')).toBe('bad-credentials');
    expect(await connect('ann', 'pass\u0000')).toBe('bad-credentials');
    expect(await connect()).toBe('not-authorized');
    expect(await connect('ann')).toBe('not-authorized');
    expect(refused).toHaveLength(5);
  });

  it('derives a key once for a password, until the file has another one', async () => {
    const { gate, connect, derived } = world(user('ann'));
    const all = await Promise.all([connect('ann', 'ann-pw'), connect('ann', 'ann-pw')]);
    expect(all).toEqual(['ann', 'ann']);
    await connect('ann', 'ann-pw');
    expect(derived).toEqual(['ann-pw']);
    gate.users = table(user('ann', { scram: keysOf('new') }));
    expect(await connect('ann', 'ann-pw')).toBe('bad-credentials');
    expect(await connect('ann', 'new')).toBe('ann');
    gate.users = table();
    expect(await connect('ann', 'new')).toBe('bad-credentials');
  });

  it('refuses a password that was changed while its key was derived', async () => {
    const { gate, connect } = world(user('ann'));
    const connecting = connect('ann', 'ann-pw');
    gate.users = table(user('ann', { scram: keysOf('new') }));
    expect(await connecting).toBe('bad-credentials');
  });

  it('lets nobody try many passwords, and keeps out nobody who is known', async () => {
    const made = world(user('ann'), user('bob'));
    await made.connect('ann', 'ann-pw');
    for (let i = 0; i < WRONG_PER_USER.burst; i++) expect(await made.connect('ann', `wrong ${i}`)).toBe('bad-credentials');
    expect(await made.connect('ann', 'wrong once more')).toBe('not-authorized');
    expect(await made.connect('ann', 'ann-pw')).toBe('ann');
    expect(await made.connect('bob', 'bob-pw')).toBe('bob');
    expect(await made.connect('ann', 'from elsewhere', undefined, '10.0.0.2:5')).toBe('bad-credentials');
    made.nowMs += WRONG_PER_USER.refillMs;
    expect(await made.connect('ann', 'again')).toBe('bad-credentials');
  });

  it('looks at no more passwords that are tried side by side than one after the other', async () => {
    const made = world(user('ann'));
    const passwords = [...Array(600).keys()].map((i) => (i === 599 ? 'ann-pw' : `guess ${i}`));
    const answers = await Promise.all(passwords.map((password) => made.connect('ann', password)));
    expect(made.derived).toHaveLength(WRONG_PER_USER.burst);
    expect(answers.filter((answer) => answer === 'bad-credentials')).toHaveLength(WRONG_PER_USER.burst);
    expect(answers.filter((answer) => answer === 'not-authorized')).toHaveLength(600 - WRONG_PER_USER.burst);
  });

  it('lets in a fleet behind one address that comes at once, of one user or of many', async () => {
    const users = [...Array(300).keys()].map((i) => `dev-${i}`);
    const made = world(...users.map((name) => user(name)), user('fleet'));
    const one = await Promise.all(users.map(() => made.connect('fleet', 'fleet-pw')));
    expect(new Set(one)).toEqual(new Set(['fleet']));
    const many = await Promise.all(users.map((name) => made.connect(name, `${name}-pw`)));
    expect(many).toEqual(users);
    expect(made.refused).toEqual([]);
  });

  it('counts no password that nobody could look at', async () => {
    const made = world(user('ann'));
    for (const failing of [true, false]) {
      made.failing = failing;
      const answers = await Promise.all([...Array(12).keys()].map((i) => made.connect('ann', `${failing} ${i}`)));
      expect(answers.filter((answer) => answer === 'unavailable')).toHaveLength(failing ? 12 : 0);
      expect(answers.filter((answer) => answer === 'bad-credentials')).toHaveLength(failing ? 0 : WRONG_PER_USER.burst);
    }
  });

  it('lets TRIES_WAITING_MAX devices wait for others, and tells further ones that it is not available', async () => {
    const made = world(user('ann'));
    const count = WRONG_PER_USER.burst + TRIES_WAITING_MAX + 1;
    const answers = await Promise.all([...Array(count).keys()].map((i) => made.connect('ann', `guess ${i}`)));
    expect(answers.filter((answer) => answer === 'unavailable')).toHaveLength(1);
    expect(answers.at(-1)).toBe('unavailable');
    expect(await made.connect('ann', 'one more')).toBe('not-authorized');
  });

  it('counts the wrong passwords of one address over all users: WRONG_PER_ADDRESS', async () => {
    const made = world(user('ann'));
    for (let i = 0; i < WRONG_PER_ADDRESS.burst; i++) await made.connect(`u${i}`, 'wrong');
    expect(await made.connect('ann', 'wrong')).toBe('not-authorized');
    made.nowMs += WRONG_PER_ADDRESS.refillMs;
    expect(await made.connect('ann', 'wrong')).toBe('bad-credentials');
  });

  it('takes a certificate for its user, where he may come with one and says no other name', async () => {
    const { gate, connect } = world(user('dev', { certificate: true }), user('ann'));
    expect(gate.userOfCertificate(['other', 'dev'])).toBe('dev');
    expect(gate.userOfCertificate(['ann'])).toBeUndefined();
    expect(gate.userOfCertificate(undefined)).toBeUndefined();
    expect(await connect(undefined, undefined, 'dev')).toBe('dev');
    expect(await connect('dev', undefined, 'dev')).toBe('dev');
    expect(await connect('ann', undefined, 'dev')).toBe('not-authorized');
    expect(await connect('ann', 'ann-pw', 'dev')).toBe('ann');
    gate.users = table(user('dev'));
    expect(await connect(undefined, undefined, 'dev')).toBe('not-authorized');
  });

  it('tells of connections whose user has changed, so that they end [QNT-AUT-015]', async () => {
    const { gate } = world(user('ann'), user('bob'));
    const peers = { ann: { address: '10.0.0.1:5', secure: true }, bob: { address: '10.0.0.1:6', secure: true } };
    for (const name of ['ann', 'bob'] as const) {
      const credentials = { clientId: name, username: name, password: bytes(`${name}-pw`), peer: peers[name] };
      await new Promise((resolve) => gate.authenticate(credentials, resolve));
    }
    expect(gate.isOutdated(peers.ann)).toBe(false);
    gate.users = table(user('ann', { permissions: ['read topic:x'] }), user('bob'));
    expect(gate.isOutdated(peers.ann)).toBe(true);
    expect(gate.isOutdated(peers.bob)).toBe(false);
    gate.users = table();
    expect(gate.isOutdated(peers.bob)).toBe(true);
    expect(gate.isOutdated({ address: '10.0.0.1:7', secure: true })).toBe(false);
  });

  it('grants publishing by the right to write the topic of the cluster, subscribing by that to read all of them', () => {
    const { gate } = world(
      user('ann', { permissions: ['write topic:telemetry', 'read topic:commands'] }),
      user('root', { roles: ['admin'] }),
    );
    expect(gate.mayPublish('ann', 'telemetry/1')).toBe(true);
    expect(gate.mayPublish('ann', 'commands/1')).toBe(false);
    expect(gate.maySubscribe('ann', 'commands/#')).toBe(true);
    expect(gate.maySubscribe('ann', '#')).toBe(false);
    expect(gate.mayPublish('root', 'any')).toBe(true);
    expect(gate.maySubscribe('root', '#')).toBe(true);
    expect(gate.mayPublish('nobody', 'telemetry/1')).toBe(false);
    expect(gate.maySubscribe('nobody', 'commands/1')).toBe(false);
  });

  it('grants what permissions say of MQTT topics, with the user for %u and the client identifier for %c', () => {
    const permissions = ['write mqtt:devices/%u/up/#', 'read mqtt:clients/%c/down'];
    const { gate } = world(user('ann', { permissions }));
    expect(gate.mayPublish('ann', 'devices/ann/up/t')).toBe(true);
    expect(gate.mayPublish('ann', 'devices/bob/up/t')).toBe(false);
    expect(gate.maySubscribe('ann', 'devices/ann/up/#', 'x')).toBe(false);
    expect(gate.maySubscribe('ann', 'clients/x/down', 'x')).toBe(true);
    expect(gate.maySubscribe('ann', 'clients/y/down', 'x')).toBe(false);
    for (const clientId of [undefined, '', 'a/b', '+', '#'])
      expect(gate.maySubscribe('ann', `clients/${clientId}/down`, clientId)).toBe(false);
  });
});

describe('a filter that covers another', () => {
  const level = fc.constantFrom('a', 'b', '$x', '');
  const topic = fc.array(level, { minLength: 1, maxLength: 4, size: 'max' }).map((levels) => levels.join('/'));
  const filter = fc
    .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4, size: 'max' }), fc.boolean())
    .map(([levels, rest]) => [...levels, ...(rest ? ['#'] : [])].join('/'));

  it('selects every topic that the other one selects [MQTT-4.7.1-1]', () => {
    fc.assert(
      fc.property(filter, filter, topic, (allowed, asked, name) => {
        if (coversFilter(allowed, asked) && matches(asked, name)) expect(matches(allowed, name)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it('is, of a topic, one that selects it', () => {
    fc.assert(fc.property(filter, topic, (allowed, name) => coversFilter(allowed, name) === matches(allowed, name)));
  });

  it.each([
    ['a/#', 'a/+', true],
    ['a/#', 'a', true],
    ['a/+', 'a/#', false],
    ['+/b', '+/b', true],
    ['a', '+', false],
    ['#', '$SYS/#', false],
  ])('%s covers %s: %s', (allowed, asked, expected) => expect(coversFilter(allowed, asked)).toBe(expected));
});

describe('what the gate remembers is bounded', () => {
  it('derivations: DERIVATIONS_MAX at a time, DERIVATIONS_WAITING_MAX that wait, VERIFIED_MAX that were verified', async () => {
    const running: (() => void)[] = [];
    const check = new PasswordCheck(({ password }, done) => running.push(() => done(undefined, saltedOf(password))));
    const keys = scramKeys(saltedOf('pw'), bytes('salt'), 1);
    const verdicts: string[] = [];
    const verify = (name: string): void => check.verify(name, bytes('pw'), keys, (verdict) => verdicts.push(verdict));
    for (let i = 0; i < DERIVATIONS_MAX + DERIVATIONS_WAITING_MAX + 1; i++) verify(`u${i}`);
    expect(running).toHaveLength(DERIVATIONS_MAX);
    await vi.waitFor(() => expect(verdicts).toEqual(['busy']));
    while (running.length > 0) running.shift()?.();
    expect(verdicts.filter((verdict) => verdict === 'right')).toHaveLength(DERIVATIONS_MAX + DERIVATIONS_WAITING_MAX);
    for (let i = 0; i < VERIFIED_MAX; i++) {
      verify(`v${i}`);
      running.shift()?.();
    }
    expect(check.isKnown('u0', bytes('pw'), keys)).toBe(false);
    expect(check.isKnown('v0', bytes('pw'), keys)).toBe(true);
  });

  it('wrong passwords: of WRONG_KEYS_MAX keys', () => {
    const wrong = new WrongPasswords({ burst: 1, refillMs: 1_000 });
    for (let i = 0; i <= WRONG_KEYS_MAX; i++) {
      wrong.begin(`k${i}`);
      wrong.ended(`k${i}`, true, 0);
    }
    expect(wrong.room('k0', 0)).toBe('free');
    expect(wrong.room('k1', 0)).toBe('full');
    expect(wrong.room('k1', 999)).toBe('full');
    expect(wrong.room('k1', 1_000)).toBe('free');
  });
});

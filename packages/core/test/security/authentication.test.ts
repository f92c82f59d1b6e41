import { describe, expect, it } from 'vitest';
import { AUTH_FAILURE_DELAY_MS, AuthMechanism, Flag, FRAMES, HelloOk, LIMITS, type LiveFrame } from '../../src/index.ts';
import type { BrokerWorld, TestClient } from '../broker/broker-world.ts';
import { AUTH, askingBroker, beginScram, connected, logIn, said } from './login.ts';
import { codeOf, scramOf, table, user } from './users.ts';

const SCRAM = AuthMechanism.SCRAM_SHA_256;
const users = () =>
  table(
    user('ann', { scram: scramOf('secret'), permissions: ['all topic:*'] }),
    user('cert', { certificate: true, permissions: ['all topic:*'] }),
    user('plain'),
  );

/** What the last frames say: the error of an answer, or the reason of GOAWAY. */
const codes = ({ frames }: TestClient): (string | undefined)[] => frames.map(codeOf);
const lines = (world: BrokerWorld): unknown[] =>
  world.others.filter((output) => output.kind === 'log' && output.level === 'warn');

/** A connection whose HELLO is answered. */
function greeted(world: BrokerWorld, certificateNames?: readonly string[]): TestClient {
  const client = world.accept(certificateNames);
  client.call('HELLO', AUTH);
  return client;
}

describe('authentication at a server', () => {
  it('is offered in HELLO_OK: the feature, and the mechanisms for this connection [QNT-AUT-001]', () => {
    const world = askingBroker(users());
    const hello = (client: TestClient): HelloOk => HelloOk.decode(client.frames[0]?.control as Uint8Array);
    const { features, mechanisms } = hello(greeted(world));
    expect({ features, mechanisms }).toEqual({ features: AUTH.features, mechanisms: [SCRAM] });
    expect(hello(greeted(world, ['cert'])).mechanisms).toEqual([AuthMechanism.EXTERNAL, SCRAM]);
  });

  it('lets in who knows the password, and tells who he is [QNT-AUT-001]', () => {
    const world = askingBroker(users());
    const client = world.accept();
    const { done, principal } = logIn(world, client, 'ann', 'secret')?.header ?? {};
    expect({ done, principal }).toEqual({ done: true, principal: 'ann' });
    expect(client.call('TOPIC_CREATE', { topic: 't' }).code).toBeUndefined();
  });

  it('refuses a HELLO that does not name AUTH with UNAUTHENTICATED, and closes [QNT-AUT-003]', () => {
    const world = askingBroker(users());
    const client = world.accept();
    expect(client.call('HELLO', {}).code).toBe('UNAUTHENTICATED');
    expect(lines(world)).toMatchObject([{ event: 'login missing' }]);
    expect(codes(client)).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED']);
    expect(client.closed).toBe(true);
  });

  it.each(Object.keys(FRAMES).filter((name) => !['AUTH', 'PING', 'GOAWAY'].includes(name)) as LiveFrame[])(
    'answers %s before AUTH with UNAUTHENTICATED, and closes [QNT-AUT-004]',
    (name) => {
      const client = greeted(askingBroker(users()));
      client.sendBytes([
        Uint8Array.of(0, 0, 0, 12, FRAMES[name].type >> 8, FRAMES[name].type & 255, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0),
      ]);
      expect(codes(client)).toEqual(['ok', 'UNAUTHENTICATED', 'UNAUTHENTICATED']);
      expect(client.closed).toBe(true);
    },
  );

  it('ends the connection for a one-way frame before AUTH, and does nothing of it [QNT-AUT-004]', () => {
    const client = greeted(askingBroker(users()));
    client.send('SEND', { topic: 't', ack: 2 }, [], Flag.ONEWAY);
    expect(codes(client)).toEqual(['ok', 'UNAUTHENTICATED']);
  });

  it('answers PING before AUTH [QNT-AUT-004]', () => {
    const client = greeted(askingBroker(users()));
    expect(client.call('PING', {}).code).toBeUndefined();
    expect(client.closed).toBe(false);
  });

  it('takes long frames only from who is authenticated [QNT-AUT-005]', () => {
    const world = askingBroker(users());
    const limits = (): unknown[] => world.others.filter(({ kind }) => kind === 'frameLimit');
    const client = greeted(world);
    expect(limits()).toEqual([]);
    logIn(world, world.accept(), 'ann', 'secret');
    expect(limits()).toEqual([{ kind: 'frameLimit', connection: client.connection + 2, bytes: LIMITS.FRAME_BYTES_MAX }]);
  });

  it('ends a connection that is not authenticated in time with AUTH_TIMEOUT [QNT-AUT-006]', () => {
    const world = askingBroker(users());
    const client = greeted(world);
    world.advance(LIMITS.AUTH_DEADLINE_MS - 1);
    beginScram(client, 'ann', 'secret'); // not even half an exchange wins time
    expect(client.closed).toBe(false);
    world.advance(1);
    expect(codes(client).at(-1)).toBe('AUTH_TIMEOUT');
    expect(client.closed).toBe(true);
  });

  it('refuses a wrong password late, with AUTH_FAILED, and closes [QNT-AUT-007, QNT-AUT-017]', () => {
    const world = askingBroker(users());
    const client = world.accept();
    expect(logIn(world, client, 'ann', 'wrong')).toBeUndefined();
    client.send('AUTH', { mechanism: SCRAM, data: said('n,,n=ann,r=again') }); // nothing is heard any more
    client.send('TOPIC_CREATE', { topic: 't' });
    world.advance(AUTH_FAILURE_DELAY_MS - 1);
    expect(codes(client)).toEqual(['ok', 'ok']);
    world.advance(1);
    expect(codes(client)).toEqual(['ok', 'ok', 'AUTH_FAILED', 'AUTH_FAILED']);
    expect(client.closed).toBe(true);
  });

  it('answers a wrong password, an unknown name and a user without a password alike [QNT-AUT-009]', () => {
    const answers = ['ann', 'nobody', 'plain'].map((name) => {
      const world = askingBroker(users());
      const client = world.accept();
      logIn(world, client, name, 'wrong');
      world.advance(AUTH_FAILURE_DELAY_MS);
      return client.frames.slice(2).map(({ type, flags, control }) => ({ type, flags, control }));
    });
    expect(answers[0]).toHaveLength(2);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it('tells its operator who was refused, in one line without a secret', () => {
    const world = askingBroker(users());
    const client = world.accept(undefined, '10.0.0.7:4711');
    logIn(world, client, 'ann', 'a-wrong-secret');
    world.advance(AUTH_FAILURE_DELAY_MS);
    expect(lines(world)).toEqual([
      { kind: 'log', level: 'warn', event: 'login refused', fields: { remote: '10.0.0.7:4711', why: 'SCRAM failed for "ann"' } },
    ]);
  });

  it('refuses a mechanism that it does not offer, and a change of it on the way [QNT-AUT-007]', () => {
    const world = askingBroker(users());
    const refused = (client: TestClient): string | undefined => {
      world.advance(AUTH_FAILURE_DELAY_MS);
      return codes(client).at(-1);
    };
    const other = greeted(world);
    other.send('AUTH', { mechanism: AuthMechanism.EXTERNAL });
    expect(refused(other)).toBe('AUTH_FAILED');
    const changed = greeted(world, ['cert']);
    beginScram(changed, 'ann', 'secret');
    changed.send('AUTH', { mechanism: AuthMechanism.EXTERNAL });
    expect(refused(changed)).toBe('AUTH_FAILED');
  });

  it('takes a verified certificate for the user of its name, where he may come with one [QNT-AUT-012]', () => {
    const world = askingBroker(users());
    const client = greeted(world, ['other', 'cert']);
    expect(client.call('AUTH', { mechanism: AuthMechanism.EXTERNAL }).header.principal).toBe('cert');
    const refused = greeted(world, ['ann', 'nobody']);
    refused.send('AUTH', { mechanism: AuthMechanism.EXTERNAL });
    world.advance(AUTH_FAILURE_DELAY_MS);
    expect(codes(refused).at(-1)).toBe('AUTH_FAILED');
  });

  it('takes AUTH once [QNT-AUT-014]', () => {
    const client = connected(askingBroker(users()), 'cert');
    client.send('AUTH', { mechanism: AuthMechanism.EXTERNAL });
    expect(codes(client).at(-1)).toBe('UNEXPECTED_FRAME');
    expect(client.closed).toBe(true);
  });

  it('ends the connections of a principal that has changed, and only these [QNT-AUT-015]', () => {
    const world = askingBroker(users());
    const [ann, cert] = [world.accept(), connected(world, 'cert')];
    logIn(world, ann, 'ann', 'secret');
    const waiting = greeted(world, ['cert']);
    const now = [
      user('ann', { scram: scramOf('another'), permissions: ['all topic:*'] }),
      user('cert', { certificate: true, permissions: ['all topic:*'] }),
    ];
    world.broker.setUsers(table(...now), world.nowMs);
    world.perform();
    expect(codes(ann).at(-1)).toBe('UNAUTHENTICATED');
    expect([ann, cert, waiting].map(({ closed }) => closed)).toEqual([true, false, false]);
    world.broker.setUsers(table(now[0] as never), world.nowMs);
    world.perform();
    expect(cert.closed).toBe(true);
    waiting.send('AUTH', { mechanism: AuthMechanism.EXTERNAL }); // gone before it had said who it is
    world.advance(AUTH_FAILURE_DELAY_MS);
    expect(codes(waiting).at(-1)).toBe('AUTH_FAILED');
  });

  it('does not take the old password of an exchange that began before the change [QNT-AUT-015]', () => {
    const world = askingBroker(users());
    const client = greeted(world);
    const last = beginScram(client, 'ann', 'secret');
    world.broker.setUsers(table(user('ann', { scram: scramOf('another') })), world.nowMs);
    client.send('AUTH', { mechanism: SCRAM, data: last });
    world.advance(AUTH_FAILURE_DELAY_MS);
    expect(codes(client).at(-1)).toBe('AUTH_FAILED');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS, principalOf, ScramClient, ScramServer, scramKeys, scramRecord, UserTable, utf8 } from '../../src/index.ts';
import { decodeBase64, encodeBase64 } from '../../src/wire/base64.ts';
import { derive, scramOf, table, user } from './users.ts';

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

/** The example of RFC 7677, chapter 3. */
const RFC = {
  user: 'user',
  password: 'pencil',
  clientNonce: 'rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
  clientFinal: 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
};

function rfcServer(): ScramServer {
  const salt = decodeBase64(RFC.salt) as Uint8Array;
  const keys = scramKeys(derive({ password: RFC.password, salt, iterations: 4096 }), salt, 4096);
  const users = new UserTable([principalOf({ name: RFC.user, roles: ['client'], scram: scramRecord(keys) })], utf8('x'));
  return new ScramServer({ users, nonce: () => RFC.serverNonce });
}

/** Runs a whole exchange; `meddle` changes a message on its way. @returns who got in. */
function exchange(
  password: string,
  meddle: (message: string, step: number) => string = (message) => message,
  name = 'ann',
): { readonly user?: string | undefined; readonly trusted?: true } {
  const server = new ScramServer({ users: table(user('ann', { scram: scramOf('secret') })), nonce: () => 'server-nonce' });
  const client = new ScramClient(name, password, 'client-nonce');
  const first = server.step(meddle(text(client.first()), 1));
  if (first === undefined) return {};
  const key = derive(client.serverFirst(meddle(text(first.data), 2)));
  const last = server.step(meddle(text(client.final(key)), 3));
  if (last === undefined) return {};
  client.serverFinal(meddle(text(last.data), 4));
  return { user: last.user, trusted: true };
}

describe('SCRAM-SHA-256', () => {
  it('says what RFC 7677 says, on both sides [QNT-AUT-008]', () => {
    const server = rfcServer();
    const client = new ScramClient(RFC.user, RFC.password, RFC.clientNonce);
    expect(text(client.first())).toBe(`n,,n=${RFC.user},r=${RFC.clientNonce}`);
    const first = server.step(text(client.first()));
    expect(text(first?.data)).toBe(`r=${RFC.clientNonce}${RFC.serverNonce},s=${RFC.salt},i=4096`);
    const final = client.final(derive(client.serverFirst(text(first?.data))));
    expect(text(final)).toBe(RFC.clientFinal);
    const last = server.step(text(final));
    expect({ data: text(last?.data), user: last?.user }).toEqual({ data: RFC.serverFinal, user: RFC.user });
    expect(() => client.serverFinal(text(last?.data))).not.toThrow();
  });

  it('lets nobody in with another password, or under a name that does not exist [QNT-AUT-009]', () => {
    expect(exchange('secret')).toEqual({ user: 'ann', trusted: true });
    expect(exchange('Secret')).toEqual({});
    expect(exchange('secret', undefined, 'bob')).toEqual({});
  });

  it('gives a name that does not exist the same salt each time, as if it did [QNT-AUT-009]', () => {
    const ask = (): string =>
      text(new ScramServer({ users: table(user('ann')), nonce: () => 'n' }).step('n,,n=nobody,r=abc')?.data);
    expect(ask()).toBe(ask());
    expect(ask()).toMatch(/^r=abcn,s=[\w+/]{22}==,i=\d+$/);
  });

  it('is over at any change of a message on its way, at the server or at the client [QNT-AUT-008, QNT-AUT-010]', () => {
    const character = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.nat({ max: 200 }), character, (step, place, changed) => {
        let same = true;
        const meddle = (message: string, at: number): string => {
          if (at !== step) return message;
          const i = place % message.length;
          const meddled = message.slice(0, i) + changed + message.slice(i + 1);
          // Both headers say that no channel is bound; a rise in rounds costs time only, and fails too.
          same = meddled === message || (meddled.match(/i=(\d+)/)?.[1]?.length ?? 0) > 5;
          return same ? message : meddled;
        };
        let result: ReturnType<typeof exchange> = {};
        try {
          result = exchange('secret', meddle);
        } catch (error) {
          expect((error as { code: string }).code).toBe('AUTH_FAILED');
        }
        expect(result.trusted === true).toBe(same);
      }),
      { numRuns: 400 },
    );
  });

  it('refuses a final message whose nonce only begins like the one that was given [QNT-AUT-008]', () => {
    const nonce = `${RFC.clientNonce}${RFC.serverNonce}`;
    for (const said of [RFC.clientNonce, nonce.slice(0, -1), `${nonce}x`]) {
      const server = rfcServer();
      server.step(`n,,n=${RFC.user},r=${RFC.clientNonce}`);
      expect(server.step(RFC.clientFinal.replace(`r=${nonce}`, `r=${said}`))).toBeUndefined();
    }
  });

  it.each([
    ['a channel binding', 'p=tls-exporter,,n=user,r=abc'],
    ['an authorisation identity', 'n,a=other,n=user,r=abc'],
    ['a mandatory extension', 'n,,m=x,n=user,r=abc'],
    ['an extension', 'n,,n=user,r=abc,x=1'],
    ['no nonce', 'n,,n=user,r='],
    ['a name that escapes nothing', 'n,,n=a=b,r=abc'],
    ['nothing', ''],
  ])('refuses %s in the first message [QNT-AUT-008]', (_, message) => {
    expect(rfcServer().step(message)).toBeUndefined();
  });

  it.each([
    ['another nonce', 'r=other,s=AAAA,i=4096', /nonce/],
    ['only our nonce', 'r=mine,s=AAAA,i=4096', /nonce/],
    ['no salt', 'r=mine1,s=,i=4096', /salt/],
    ['too few rounds', `r=mine1,s=AAAA,i=${LIMITS.SCRAM_ITERATIONS_MIN - 1}`, /SCRAM_ITERATIONS_MIN/],
    ['too many rounds', `r=mine1,s=AAAA,i=${LIMITS.SCRAM_ITERATIONS_MAX + 1}`, /SCRAM_ITERATIONS_MAX/],
    ['an error in the place of it', 'e=unknown-user', /nonce/],
  ])('the client trusts no server that says %s [QNT-AUT-011]', (_, message, why) => {
    expect(() => new ScramClient('user', 'pencil', 'mine').serverFirst(message)).toThrow(why);
  });

  it('Base64 has one text for each value', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70, size: 'max' }), (bytes) => {
        expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
      }),
    );
    for (const bad of ['A', 'AB', 'AB=', 'AB==C', 'AA=A', 'AB==', '====', 'A A=', 'AAA'])
      expect(decodeBase64(bad)).toBeUndefined();
  });
});

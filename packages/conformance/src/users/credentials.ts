import type { ClientOptions, Credentials, Random } from '@qanat/core';
import type { Engines } from '../driver/engines.ts';
import type { JsonObject } from '../json.ts';
import { textOf } from '../play/program.ts';
import { drawnNonce } from './server-security.ts';

/** Reads `{ user, password }`, as `start` gives it. @param random of the nonces. */
export const passwordCredentials = (given: JsonObject, random: Random): Credentials => ({
  kind: 'password',
  user: textOf(given, 'user'),
  password: textOf(given, 'password'),
  nonce: () => drawnNonce(random),
});

/** What makes a client of these engines log in. */
export const loginBy =
  (credentials: Credentials, engines: Engines): NonNullable<ClientOptions['login']> =>
  (host) =>
    new engines.Login(host, credentials);

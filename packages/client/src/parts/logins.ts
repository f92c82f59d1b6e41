import { type Credentials, credentialsOf, type EngineHost, Login, type LoginOptions, QanatError } from '@qanat/core';
import type { ClientGround } from '../client-ground.ts';

/** What makes the engine's login. @throws QanatError BAD_CONFIG where the ground cannot do it. */
export function loginOn(ground: ClientGround, options: LoginOptions): (host: EngineHost) => Login {
  const credentials = credentialsFor(ground, options);
  return (host) => new Login(host, credentials);
}

function credentialsFor({ nonce }: ClientGround, login: LoginOptions): Credentials {
  if (nonce !== undefined || login === 'certificate') return credentialsOf(login, nonce ?? (() => ''));
  throw new QanatError('BAD_CONFIG', 'this ground has no nonces: a login with a password needs `nonce` and `deriveKey`');
}

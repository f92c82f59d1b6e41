import { QanatError } from '../errors.ts';
import { readUtf8 } from '../wire/bytes.ts';
import type { Auth, AuthOkInit } from '../wire/gen/messages.ts';
import { AuthMechanism, AuthMechanismNames } from '../wire/gen/registry.ts';
import type { Principal } from './principal.ts';
import { ScramServer } from './scram-server.ts';
import type { ServerSecurity } from './server-security.ts';
import type { UserTable } from './user-table.ts';

/** What a step of an authentication came to. */
export interface AuthStep {
  readonly answer: AuthOkInit;
  /** The connection is authenticated as this one. */
  readonly principal?: Principal;
}

/** The mechanisms that a server offers a connection. @param certificateNames of the client's verified certificate. */
export function mechanismsFor(users: UserTable, certificateNames: readonly string[] | undefined): readonly AuthMechanism[] {
  const scram = users.hasPasswords ? [AuthMechanism.SCRAM_SHA_256] : [];
  return certificateNames === undefined ? scram : [AuthMechanism.EXTERNAL, ...scram];
}

/** The same for every reason: the answer tells a guesser nothing (QNT-AUT-009). The reason is for the operator alone. */
export class LoginRefused extends QanatError {
  /** For the log of the server; never a secret. */
  readonly reason: string;

  constructor(reason: string) {
    super('AUTH_FAILED', 'the credentials are not accepted');
    this.reason = reason;
  }
}

/** The authentication of one connection at the server (spec, chapter of authentication). */
export class ServerAuthentication {
  readonly #security: ServerSecurity;
  readonly #certificateNames: readonly string[] | undefined;
  #mechanism: AuthMechanism | undefined;
  #scram: ScramServer | undefined;

  constructor(security: ServerSecurity, certificateNames: readonly string[] | undefined) {
    this.#security = security;
    this.#certificateNames = certificateNames;
  }

  /** @throws QanatError AUTH_FAILED (a LoginRefused): it is over. */
  step({ mechanism, data }: Auth): AuthStep {
    if (!mechanismsFor(this.#security.users, this.#certificateNames).includes(mechanism))
      throw new LoginRefused(`${AuthMechanismNames[mechanism]} is not offered`);
    this.#mechanism ??= mechanism;
    if (this.#mechanism !== mechanism) throw new LoginRefused('the mechanism changed on the way');
    return mechanism === AuthMechanism.EXTERNAL ? this.#external() : this.#scramStep(data);
  }

  #external(): AuthStep {
    const names = this.#certificateNames ?? [];
    for (const name of names) {
      const principal = this.#security.users.find(name);
      if (principal?.certificate === true) return { answer: { done: true, principal: principal.name }, principal };
    }
    throw new LoginRefused(`no user has the name of the certificate and "certificate": ${names.join(', ')}`);
  }

  #scramStep(data: Uint8Array): AuthStep {
    this.#scram ??= new ScramServer(this.#security);
    const step = this.#scram.step(readUtf8(data, 0, data.length));
    if (step === undefined) throw new LoginRefused(`SCRAM failed${this.#scram.user === '' ? '' : ` for "${this.#scram.user}"`}`);
    if (step.user === undefined) return { answer: { data: step.data } };
    const principal = this.#security.users.find(step.user);
    // Removed since the first message.
    if (principal === undefined) throw new LoginRefused(`"${step.user}" is gone`);
    return { answer: { data: step.data, done: true, principal: principal.name }, principal };
  }
}

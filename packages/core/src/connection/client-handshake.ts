import type { QanatError } from '../errors.ts';
import type { Login } from '../security/login.ts';
import type { HelloInit, HelloOk } from '../wire/gen/messages.ts';
import { Feature, LIMITS } from '../wire/gen/registry.ts';
import type { LiveFrame, RequestInit, ResponseDone } from './request.ts';

/** Sends a request of the handshake, which does not wait for its end. */
export type AskFirst = <N extends LiveFrame>(name: N, header: RequestInit<N>, timeoutMs: number, done: ResponseDone<N>) => void;

/** A client that says who it is goes to no server that does not ask: it may be another one (QNT-AUT-002). */
const withAuth = (greeting: HelloInit): HelloInit => ({
  ...greeting,
  features: [Feature.FEATURE_AUTH, ...(greeting.features ?? [])],
  requiredFeatures: [Feature.FEATURE_AUTH],
});

/** The first requests of a connection at the client: HELLO, and AUTH where it logs in. @param done is called once. */
export function shakeHands(
  ask: AskFirst,
  greeting: HelloInit,
  login: Login | undefined,
  done: (error: QanatError | undefined, hello: HelloOk) => void,
): void {
  const hello = login === undefined ? greeting : withAuth(greeting);
  ask('HELLO', hello, LIMITS.HELLO_DEADLINE_MS, (error, { header }) => {
    if (error !== undefined || login === undefined) return done(error, header);
    return login.run(
      header,
      (auth, answered) => ask('AUTH', auth, LIMITS.AUTH_DEADLINE_MS, (refused, answer) => answered(refused, answer.header)),
      (refused) => done(refused, header),
    );
  });
}

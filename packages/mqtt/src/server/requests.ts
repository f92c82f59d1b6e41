import { HOLD } from './connection.ts';
import { REQUESTS_MAX } from './limits.ts';
import type { ServerContext } from './server-context.ts';
import type { Session } from './session.ts';

/** Counts what sessions asked of the cluster and wait for: a client that asks faster than that is not read for a while. */
export class Requests {
  readonly #context: ServerContext;

  constructor(context: ServerContext) {
    this.#context = context;
  }

  /** @param weight of the request, in small ones. */
  begin(session: Session, weight = 1): void {
    session.requests += weight;
    if (session.requests >= REQUESTS_MAX) this.#context.output.hold(session.connection, HOLD.REQUESTS);
  }

  end(session: Session, weight = 1): void {
    session.requests -= weight;
    if (session.requests <= REQUESTS_MAX / 2) this.#context.output.release(session.connection, HOLD.REQUESTS);
  }
}

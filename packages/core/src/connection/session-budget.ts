import { QanatError } from '../errors.ts';
import { LIMITS } from '../wire/gen/registry.ts';

/** Connections that have not said HELLO: beyond it the one that has waited longest is ended; no crowd locks others out. */
export const GREETING_MAX = 1_024;

/** Encoded control headers of requests whose last frame has not come, over all connections: one of the longest fits. */
export const JOINED_BYTES_MAX: number = LIMITS.MORE_FRAMES_MAX * LIMITS.CONTROL_HEADER_BYTES_MAX;

/** Control headers that one connection is answered with before we hear whether it reads: half of what may wait for it. */
export const BURST_ANSWER_BYTES_MAX: number = LIMITS.PENDING_RESPONSE_BYTES_MAX / 2;

/** A connection that has not said HELLO. */
interface Newcomer {
  end(error: QanatError): void;
}

/** What the connections of one server share of what their peers can fill. */
export class SessionBudget {
  /** Counts the bursts: requests that came together are answered in one. */
  burst = 0;
  readonly #greeting = new Set<Newcomer>();
  #joinedBytes = 0;

  /** A connection came, and has not said HELLO. */
  began(session: Newcomer): void {
    this.#greeting.add(session);
    if (this.#greeting.size <= GREETING_MAX) return;
    const [oldest] = this.#greeting;
    oldest?.end(new QanatError('TOO_MANY_CONNECTIONS', `${GREETING_MAX} connections have not said HELLO (GREETING_MAX)`));
  }

  /** It said HELLO, or is about to end. */
  greeted(session: Newcomer): void {
    this.#greeting.delete(session);
  }

  /** A frame that MORE joins with others is kept. @throws QanatError TOO_MANY_REQUESTS. */
  keep(bytes: number): void {
    if (this.#joinedBytes + bytes > JOINED_BYTES_MAX)
      throw new QanatError(
        'TOO_MANY_REQUESTS',
        `${this.#joinedBytes} bytes wait for the rest of their requests (JOINED_BYTES_MAX)`,
      );
    this.#joinedBytes += bytes;
  }

  release(bytes: number): void {
    this.#joinedBytes -= bytes;
  }
}

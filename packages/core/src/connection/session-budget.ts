import { QanatError } from '../errors.ts';
import { hostOf } from '../host-port.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import { UnreadAnswers } from './unread-answers.ts';

/**
 * Connections that have not said HELLO, or not authenticated: beyond it the one that has waited longest is ended; no crowd locks
 * others out.
 */
export const GREETING_MAX = 1_024;
/** The same of one address, so that one address does not end the beginnings of all others. */
export const GREETING_PER_ADDRESS_MAX = 512;

/** Encoded control headers of requests whose last frame has not come, over all connections: one of the longest fits. */
export const JOINED_BYTES_MAX: number = LIMITS.MORE_FRAMES_MAX * LIMITS.CONTROL_HEADER_BYTES_MAX;

/** Control headers that one connection is answered with before we hear whether it reads: half of what may wait for it. */
export const BURST_ANSWER_BYTES_MAX: number = LIMITS.PENDING_RESPONSE_BYTES_MAX / 2;

/** A connection that has not said HELLO, or not authenticated. */
interface Newcomer {
  readonly remote: string;
  end(error: QanatError): void;
}

/** What the connections of one server share of what their peers can fill. */
export class SessionBudget {
  /** Counts the bursts: requests that came together are answered in one. */
  burst = 0;
  readonly unread: UnreadAnswers;
  readonly #greeting = new Set<Newcomer>();
  readonly #greetingByHost = new Map<string, Set<Newcomer>>();
  #joinedBytes = 0;

  /** @param unreadBytesMax what may wait for all peers that do not read. */
  constructor(unreadBytesMax?: number) {
    this.unread = new UnreadAnswers(unreadBytesMax);
  }

  /** A connection came, and has not said HELLO. */
  began(session: Newcomer): void {
    const host = hostOf(session.remote);
    const ofHost = this.#greetingByHost.get(host) ?? new Set();
    this.#greetingByHost.set(host, ofHost.add(session));
    this.#greeting.add(session);
    const crowd = ofHost.size > GREETING_PER_ADDRESS_MAX ? ofHost : this.#greeting;
    const limit = crowd === ofHost ? 'GREETING_PER_ADDRESS_MAX' : 'GREETING_MAX';
    if (crowd === this.#greeting && crowd.size <= GREETING_MAX) return;
    const [oldest] = crowd;
    oldest?.end(new QanatError('TOO_MANY_CONNECTIONS', `${crowd.size - 1} connections have only begun (${limit})`));
  }

  /** It is open, or is about to end. */
  greeted(session: Newcomer): void {
    if (!this.#greeting.delete(session)) return;
    const host = hostOf(session.remote);
    const ofHost = this.#greetingByHost.get(host);
    ofHost?.delete(session);
    if (ofHost?.size === 0) this.#greetingByHost.delete(host);
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

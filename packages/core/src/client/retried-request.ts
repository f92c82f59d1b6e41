import type { ClientCodec, LiveFrame, RequestInit, Response } from '../connection/request.ts';
import { errorClass, type QanatError } from '../errors.ts';
import { BackOff } from './back-off.ts';
import type { ClientHost } from './host.ts';
import { readPeer } from './read-peers.ts';

const BACK_OFF_LEAST_MS = 50;
const BACK_OFF_MOST_MS = 2_000;
/** The class of errors that say that another server is to be asked. */
const REROUTE = 2;
const LATER_CLASSES: ReadonlySet<number> = new Set([REROUTE, 3, 5]);

/** One request to the broker of a queue. */
export interface RetriedRequest<N extends LiveFrame> {
  readonly topic: string;
  readonly broker: string;
  readonly name: N;
  readonly header: RequestInit<N>;
  readonly payload?: readonly Uint8Array[];
  /** As of `RequestOptions`. */
  readonly codec?: ClientCodec;
  /** How long the broker may wait before it answers, ms. */
  readonly waitMs?: number;
  /** When to give up, ms from now. */
  readonly timeoutMs: number;
  /** The same request twice has the effect of one: it is sent again although an attempt may have been processed. */
  readonly idempotent: boolean;
  /** A slave may answer while the master of the broker does not. */
  readonly slaves?: boolean;
}

/** What of an error means that the same request may be sent again. */
function mayRetry(error: QanatError, idempotent: boolean): boolean {
  if (error.code === 'CLOSED' || (error.outcome !== 'unknown' && !error.retryable)) return false;
  if (error.outcome === 'unknown') return idempotent;
  return error.outcome === 'not-sent' || LATER_CLASSES.has(errorClass(error.wireNumber));
}

/**
 * Sends a request, and sends it again after what passes (the broker is away, busy, not ready) until its time is up. `done` is
 * called once. An attempt of unknown outcome ends what is not idempotent, with that outcome.
 */
export function requestWithRetries<N extends LiveFrame>(
  host: ClientHost,
  request: RetriedRequest<N>,
  done: (error: QanatError | undefined, response: Response<N>) => void,
): void {
  const { engine, settings } = host;
  const { topic, broker, name, header, payload, codec, waitMs = 0, idempotent } = request;
  const how = { ...(payload === undefined ? {} : { payload }), ...(codec === undefined ? {} : { codec }) };
  const dueMs = engine.nowMs() + request.timeoutMs;
  const backOff = new BackOff(engine.random, BACK_OFF_LEAST_MS, BACK_OFF_MOST_MS);
  const attempt = (): void => {
    const timeoutMs = Math.max(1, Math.min(settings.attemptMs + waitMs, dueMs - engine.nowMs()));
    const peer = request.slaves === true ? readPeer(host, broker) : broker;
    host.request(peer, name, header, { ...how, timeoutMs }, (error, response) => {
      if (error === undefined) return done(undefined, response);
      if (error.code === 'TIMEOUT') host.suspect(peer, error);
      if (errorClass(error.wireNumber) === REROUTE) host.refreshRoute(topic);
      const againMs = engine.nowMs() + Math.max(backOff.next(), error.retryAfterMs ?? 0);
      if (!mayRetry(error, idempotent) || againMs >= dueMs) return done(error, response);
      return void engine.timers.at(againMs, attempt);
    });
  };
  attempt();
}

import {
  type MasterLink,
  type MasterSession,
  QanatError,
  type ReplicateFields,
  type ReplicateOk,
  type ReplicateOkInit,
  type Request,
  type ServerSession,
} from '@qanat/core';
import type { ModelNetwork } from './model-network.ts';

/** Entries per answer are few, so that one fetch is many. */
const ENTRIES_BYTES_MAX = 64 * 3 + 128;
const CONNECT_MS = 50;

/** What a link needs of the replica that dials, and of the one that is dialled. */
export interface LinkEnds {
  readonly network: ModelNetwork;
  readonly from: number;
  readonly to: number;
  /** Runs something at a time to come, if the process that dials lives so long. */
  readonly after: (delayMs: number, task: () => void) => void;
  /** Takes a request at the other end; throws what REPLICATE is refused with. */
  readonly serve: (request: Request<'REPLICATE'>) => void;
}

/** Only what MasterReplica looks at. */
function requestOf(
  header: ReplicateFields,
  session: ServerSession,
  answer: (error: QanatError | undefined, header: ReplicateOkInit, payload: Uint8Array) => void,
): Request<'REPLICATE'> {
  let open = true;
  const once = (error: QanatError | undefined, ok: ReplicateOkInit, payload: Uint8Array): void => {
    if (open) answer(error, ok, payload);
    open = false;
  };
  const respond = (ok: ReplicateOkInit, parts: readonly Uint8Array[] = []): void =>
    once(undefined, ok, parts[0]?.slice() ?? new Uint8Array(0));
  const fail = (error: QanatError): void => once(error, {}, new Uint8Array(0));
  return { header: { ...header, maxBytes: 0 }, session, oneWay: false, respond, fail } as never;
}

/** A connection of the model: requests and answers are messages that may be lost, come twice, or in any order. */
export class ModelLink implements MasterLink {
  session: MasterSession | undefined;
  readonly #ends: LinkEnds;
  readonly #events: { onOpen(): void; onClosed(error: QanatError | undefined): void };
  #closed = false;

  constructor(ends: LinkEnds, events: { onOpen(): void; onClosed(error: QanatError | undefined): void }) {
    this.#ends = ends;
    this.#events = events;
  }

  connect(): void {
    this.#ends.after(CONNECT_MS, () => {
      if (this.#closed) return;
      this.session = this.#newSession();
      this.#events.onOpen();
    });
  }

  close(): void {
    this.#closed = true;
    this.session = undefined;
  }

  suspect(error: QanatError): void {
    if (this.session === undefined) return;
    this.session = undefined;
    this.#events.onClosed(error);
    this.connect();
  }

  #newSession(): MasterSession {
    const { network, from, to, after, serve } = this.#ends;
    const session = { frameBytesMax: ENTRIES_BYTES_MAX, blocked: false } as ServerSession;
    return {
      request: (_name, header, { timeoutMs }, done) => {
        let open = true;
        const end = (error: QanatError | undefined, ok: ReplicateOkInit, payload: Uint8Array): void => {
          if (!open) return;
          open = false;
          done(error, { header: ok as ReplicateOk, headers: [], payload });
        };
        after(timeoutMs, () => end(new QanatError('TIMEOUT', 'no answer'), {}, new Uint8Array(0)));
        network.send(from, to, () => {
          const request = requestOf(header, session, (error, ok, payload) => {
            const whole = { oldest: 0, diverged: false, ...ok };
            network.send(to, from, () => after(0, () => end(error, whole, payload)));
          });
          try {
            serve(request);
          } catch (error) {
            if (!QanatError.is(error)) throw error;
            request.fail(error);
          }
        });
      },
    };
  }
}

import { hostname } from 'node:os';
import type { QanatClient } from '@qanat/client';
import type { ClientEvent } from '@qanat/core';
import { CliError, ExitCode, isQanatError } from './errors.ts';
import { EventTeller } from './event-teller.ts';
import { loginOf } from './login.ts';
import type { Session } from './session.ts';

const CONNECT_MS = 5_000;
const PATIENCE_MS = 1_000;
const NOT_REACHED: ReadonlySet<string> = new Set([
  'CONNECTION_FAILED',
  'CONNECTION_LOST',
  'TIMEOUT',
  'NO_BROKER',
  'HELLO_TIMEOUT',
]);

/** No NameServer answered: whatever the reason, the remedy is the same. */
function cannotConnect(error: unknown): unknown {
  if (!isQanatError(error) || !NOT_REACHED.has(error.code)) return error;
  const { cause } = error;
  const usual = 'start a cluster with "qanat dev", or name one: --nameserver host:port or QANAT_NAMESERVER';
  // A hint that the client passes on from where it failed is better.
  const hint = isQanatError(cause) && cause.hint === error.hint ? cause.hint : usual;
  return new CliError(ExitCode.CANNOT_CONNECT, `Cannot connect: ${error.message}`, hint, error);
}

async function connectTo(session: Session, label: string): Promise<QanatClient> {
  const { connect } = await import('@qanat/client');
  const { nameServers, timeoutMs = CONNECT_MS, tls } = session.settings;
  const login = await loginOf(session);
  session.signal.throwIfAborted();
  const impatient = setTimeout(() => session.info('connecting', `no answer yet from ${nameServers}`), PATIENCE_MS);
  try {
    return await connect(nameServers, {
      label,
      signal: session.signal,
      timeoutMs,
      ...(tls === undefined ? {} : { tls }),
      ...(login === undefined ? {} : { login }),
    });
  } catch (error) {
    throw cannotConnect(error);
  } finally {
    clearTimeout(impatient);
  }
}

export interface ClientUse {
  /** What operators see of the client. */
  readonly label?: string;
  /** Hears every event before it is told on standard error; false: it is not told. */
  readonly onEvent?: (event: ClientEvent) => boolean;
  /** Whether it matters which queues are assigned and revoked. Default false. */
  readonly tellsMoves?: boolean;
}

/** Connects, works, and closes whatever happens. */
export async function withClient<T>(
  session: Session,
  work: (client: QanatClient) => Promise<T>,
  use: ClientUse = {},
): Promise<T> {
  const client = await connectTo(session, use.label ?? `${hostname()}-${process.pid}`);
  const teller = new EventTeller(session.diagnostics, use.tellsMoves ?? false);
  const stop = client.onEvent((event) => {
    if (use.onEvent?.(event) ?? true) teller.tell(event);
  });
  try {
    return await work(client);
  } finally {
    teller.flush();
    stop();
    await client.close();
  }
}

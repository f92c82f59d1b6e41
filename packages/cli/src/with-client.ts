import { hostname } from 'node:os';
import type { QanatClient } from '@qanat/client';
import type { ClientEvent } from '@qanat/core';
import { noteOfEvent } from './client-events.ts';
import { CliError, ExitCode, isQanatError } from './errors.ts';
import type { Session } from './session.ts';

/** No NameServer answered: whatever the reason, the remedy is the same. */
function cannotConnect(session: Session, error: unknown): unknown {
  const reached =
    !isQanatError(error) ||
    !['CONNECTION_FAILED', 'CONNECTION_LOST', 'TIMEOUT', 'NO_BROKER', 'HELLO_TIMEOUT'].includes(error.code);
  if (reached) return error;
  return new CliError(
    ExitCode.CANNOT_CONNECT,
    `Cannot connect to a NameServer at ${session.settings.nameServers}: ${error.message}`,
    'start a cluster with "qanat dev", or name one: --nameserver host:port or QANAT_NAMESERVER',
    error,
  );
}

export interface ClientUse {
  /** What operators see of the client. */
  readonly label?: string;
  /** Hears every event before it is told on standard error; false: it is not told. */
  readonly onEvent?: (event: ClientEvent) => boolean;
}

/** Connects, works, and closes whatever happens. */
export async function withClient<T>(
  session: Session,
  work: (client: QanatClient) => Promise<T>,
  use: ClientUse = {},
): Promise<T> {
  const { connect } = await import('@qanat/client');
  const { nameServers, timeoutMs } = session.settings;
  session.signal.throwIfAborted();
  const client = await connect(nameServers.includes('://') ? nameServers : `qanat://${nameServers}`, {
    label: use.label ?? `${hostname()}-${process.pid}`,
    signal: session.signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  }).catch((error: unknown) => {
    throw cannotConnect(session, error);
  });
  const stop = client.onEvent((event) => {
    if (use.onEvent?.(event) ?? true) session.diagnostics.note(noteOfEvent(event));
  });
  try {
    return await work(client);
  } finally {
    stop();
    await client.close();
  }
}

import type { ListeningOptions, Logger, RunningNode, StatusServer } from '@qanat/server';
import type { Command } from 'commander';
import { isQanatError } from '../errors.ts';
import { listOf, option } from '../options.ts';
import type { LogThreshold } from '../output/diagnostics.ts';
import type { Session } from '../session.ts';

/** `--json` of the commands that run servers. */
export const readyLineOption = (): ReturnType<typeof option> =>
  option('--json', 'print one JSON line when ready, and nothing else on standard output');

/** Options of the commands that run servers, about their listeners. */
export function addListeningOptions(command: Command, fallback: string): Command {
  return command
    .addOption(
      option('--listen <addresses>', '[name=][scheme://]host:port,…; port 0 picks a free one', { env: 'QANAT_LISTEN', fallback }),
    )
    .addOption(
      option('--ws-origin <origins>', 'web pages that may connect over WebSocket: https://app.example,http://localhost:*', {
        parse: listOf,
        env: 'QANAT_WS_ORIGIN',
      }),
    )
    .addOption(
      option('--tls-client-certs <when>', 'whether clients over TLS show certificates of the CA', {
        choices: ['none', 'optional', 'required'],
        env: 'QANAT_TLS_CLIENT_CERTS',
        fallback: 'none',
      }),
    )
    .addOption(
      option('--users <file>', 'the credentials file: ask who clients are, and check what they may do (qanat user add)', {
        env: 'QANAT_USERS',
      }),
    )
    .addOption(option('--insecure', 'listen beyond loopback without TLS, or to everybody', { env: 'QANAT_INSECURE' }));
}

/** Flags of all commands that run servers, about their listeners. */
export interface ListeningFlags {
  readonly listen: string;
  readonly tlsClientCerts: 'none' | 'optional' | 'required';
  readonly users?: string;
  readonly wsOrigin?: readonly string[];
  readonly insecure?: boolean;
}

/** What these flags are to the server. */
export const listeningOf = (session: Session, flags: ListeningFlags): ListeningOptions => ({
  listen: flags.listen,
  tls: { ...session.settings.tls, clientCertificates: flags.tlsClientCerts },
  users: flags.users,
  origins: flags.wsOrigin,
  insecure: flags.insecure,
});

/** Where a node listens, for people. */
export async function listensOn(node: RunningNode): Promise<string> {
  const { formatListener } = await import('@qanat/server');
  return `listens on ${node.endpoints.map(formatListener).join(', ')}`;
}

/** `--config` of the commands that run servers. */
export const configOption = (): ReturnType<typeof option> =>
  option('--config <file>', 'YAML; its settings are the long options without their dashes', { env: 'QANAT_CONFIG' });

/** `--http` of the commands that run servers. */
export const httpOption = (): ReturnType<typeof option> =>
  option('--http <address>', 'serves /metrics (Prometheus), /status, /healthz and /readyz at host:port', { env: 'QANAT_HTTP' });

/** Serves metrics and health where `--http` asks for it. When that fails the nodes are stopped. */
export async function serveStatus(http: string | undefined, nodes: readonly RunningNode[]): Promise<StatusServer | undefined> {
  if (http === undefined) return undefined;
  const { startStatusServer } = await import('@qanat/server');
  try {
    return await startStatusServer(http, nodes);
  } catch (error) {
    for (const node of [...nodes].reverse()) await node.stop();
    throw error;
  }
}

/** Where it is served, for people. */
export const httpNote = (status: StatusServer | undefined): string =>
  status === undefined ? '' : `, metrics and health on http://${status.endpoint}`;

/** Makes loggers on the session's standard error, as `--log-level` and `--log-format` say. */
export async function nodeLoggers(session: Session, defaultLevel: LogThreshold = 'info'): Promise<(node: string) => Logger> {
  const { createLogger } = await import('@qanat/server');
  const { logLevel = defaultLevel, logFormat } = session.settings;
  return (node) =>
    createLogger({
      node,
      level: logLevel,
      stream: session.io.stderr as NodeJS.WritableStream & { isTTY?: boolean },
      ...(logFormat === undefined ? {} : { format: logFormat }),
    });
}

/** Says how a server is stopped, in its help. */
export function addStopHelp(command: Command): void {
  command.addHelpText('after', '\nCtrl-C or SIGTERM stops it in good order, exit code 0; a second one at once.');
}

/** Starts servers. @returns undefined where the session was asked to stop before they served: then they have ended. */
export async function startUnlessStopped<T>(
  session: Session,
  start: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await start(session.signal);
  } catch (error) {
    if (!session.signal.aborted || !isQanatError(error) || error.code !== 'CLOSED') throw error;
    session.stopsCleanly = true;
    return undefined;
  }
}

function reload(nodes: readonly RunningNode[]): void {
  for (const node of nodes) node.reload();
}

/**
 * Waits until the session is asked to stop, then stops the servers in good order.
 * @throws the error that ended one of them before.
 */
export async function serve(session: Session, nodes: readonly RunningNode[], stop: () => Promise<void>): Promise<void> {
  session.outlivesItsReader = true;
  // Without files to read again a terminal that closes ends the server, as ever.
  const hasFiles = session.settings.tls !== undefined || nodes.some(({ authenticates }) => authenticates);
  const unlisten = hasFiles ? session.io.onReload(() => reload(nodes)) : undefined;
  const asked = new Promise<void>((resolve) => {
    if (session.signal.aborted) resolve();
    else session.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const failed = Promise.race(nodes.map((node) => node.ended)).then((error) => {
    if (error !== undefined) throw error;
  });
  try {
    await Promise.race([asked, failed]);
  } finally {
    unlisten?.();
    await stop();
  }
  session.stopsCleanly = true;
}

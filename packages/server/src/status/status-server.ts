// Metrics and health over HTTP, for monitoring systems and supervisors. It changes nothing and tells no message.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { formatHostPort, parseHostPort } from '@qanat/core';
import { listenError } from '@qanat/transports/tcp';
import type { RunningNode } from '../running-node.ts';

const CONNECTIONS_MAX = 64;
const REQUEST_TIMEOUT_MS = 10_000;
const TIMES = {
  requestTimeout: REQUEST_TIMEOUT_MS,
  headersTimeout: REQUEST_TIMEOUT_MS,
  // Node's own 30 s would keep connections that are overdue, and others out.
  connectionsCheckingInterval: 1_000,
};
const PATHS = 'GET /metrics, /status (of MQTT bridges), /healthz (the process lives) or /readyz (every node of it serves)';

export interface StatusServer {
  /** `host:port`, with the real port. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/**
 * Serves `/metrics` (Prometheus), `/status`, `/healthz` and `/readyz` of the nodes of this process at `host:port`.
 * @throws QanatError BAD_CONFIG when it cannot listen there.
 */
export async function startStatusServer(address: string, nodes: readonly RunningNode[]): Promise<StatusServer> {
  const { host, port } = parseHostPort(address, []);
  // Most processes serve no metrics: what makes them is loaded by those that do.
  const { createRegistry } = await import('./registry.ts');
  const registry = createRegistry(nodes);
  let making: Promise<string> | undefined;
  /** Those who ask meanwhile get the same: it takes time from what the nodes serve. */
  const metrics = (): Promise<string> => {
    making ??= registry.metrics().finally(() => {
      making = undefined;
    });
    return making;
  };
  const answers: Readonly<Record<string, () => Promise<Answer> | Answer>> = {
    '/metrics': async () => ({ status: 200, type: registry.contentType, text: await metrics() }),
    '/status': () => bridgesOf(nodes),
    '/healthz': () => ({ status: 200, text: 'ok\n' }),
    '/readyz': () => readiness(nodes),
  };
  const served = new WeakSet<Socket>();
  const server = createServer(TIMES, (request, response) => {
    // One request for each connection: whoever sends thousands at once would have all of them answered in one turn.
    if (served.has(request.socket)) {
      request.socket.destroy();
      return;
    }
    served.add(request.socket);
    answer(answers, request, response).catch((error: unknown) => {
      write(response, { status: 500, text: `${error instanceof Error ? error.message : error}\n` });
    });
  });
  server.maxConnections = CONNECTIONS_MAX;
  // One that does not read its answer holds a connection too.
  server.setTimeout(REQUEST_TIMEOUT_MS);
  await listen(server, host, port, address);
  const { port: realPort } = server.address() as AddressInfo;
  return {
    endpoint: formatHostPort({ host, port: realPort }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly text: string;
}

async function answer(
  answers: Readonly<Record<string, () => Promise<Answer> | Answer>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0] as string;
  if (request.method !== 'GET' && request.method !== 'HEAD') return write(response, { status: 405, text: `${PATHS}\n` });
  const found = Object.hasOwn(answers, path) ? answers[path] : undefined;
  write(response, found === undefined ? { status: 404, text: `${PATHS}\n` } : await found());
}

/** The bridges among the nodes, as JSON. */
function bridgesOf(nodes: readonly RunningNode[]): Answer {
  const bridges = nodes
    .filter(({ role }) => role === 'bridge')
    .map(({ name, endpoints, engine }) => ({ name, endpoints, ...engine.figures() }));
  return { status: 200, type: 'application/json', text: `${JSON.stringify({ bridges })}\n` };
}

function readiness(nodes: readonly RunningNode[]): Answer {
  const waiting = nodes.filter((node) => !node.engine.figures().ready);
  if (waiting.length === 0) return { status: 200, text: 'ready\n' };
  return { status: 503, text: waiting.map((node) => `${node.role} ${node.name} does not serve\n`).join('') };
}

function write(response: ServerResponse, { status, type = 'text/plain; charset=utf-8', text }: Answer): void {
  const headers = { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', connection: 'close' };
  response.writeHead(status, headers);
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

function listen(server: Server, host: string, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(`cannot serve metrics at ${address}`, error)));
    server.listen(port, host, resolve);
  });
}

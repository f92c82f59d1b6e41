// One NameServer and one broker as processes of their own, on a directory that is removed at the end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const QANAT = fileURLToPath(new URL('../packages/cli/bin/qanat.mjs', import.meta.url));

/** Starts a process of the command `qanat`; returns when it is ready, with what it told then. */
export async function start(args) {
  const nodeArgs = (process.env.QANAT_BENCH_NODE_ARGS ?? '').split(' ').filter((arg) => arg !== '');
  const child = spawn(process.execPath, [...nodeArgs, QANAT, ...args, '--json', '--log-level', 'error'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const startedMs = performance.now();
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exit = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`qanat ${args[0]} ended before it was ready (${code ?? signal})`);
  });
  const { value } = await Promise.race([lines.next(), exit]);
  exit.catch(() => {});
  const told = JSON.parse(value);
  return { child, told, endpoint: told.endpoint, readyMs: performance.now() - startedMs };
}

export async function stop({ child }) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

/**
 * @param options.flush sync or async. @param options.directory parent of the data; default the system's.
 * @param options.scheme qanat or ws.
 */
export async function startCluster(options) {
  const data = mkdtempSync(join(options.directory ?? tmpdir(), 'qanat-bench-'));
  const nameServer = await start(['nameserver', '--listen', `${options.scheme ?? 'qanat'}://127.0.0.1:0`]);
  const broker = await start([
    'broker',
    '--name',
    'bench',
    '--listen',
    `${options.scheme ?? 'qanat'}://127.0.0.1:0`,
    '--data',
    data,
    '--nameserver',
    nameServer.endpoint,
    '--flush',
    options.flush,
  ]);
  return {
    nameServers: nameServer.endpoint,
    brokerPid: broker.child.pid,
    brokerReadyMs: broker.readyMs,
    /** Starts another process of the command `qanat`. */
    start,
    async stop() {
      await stop(broker);
      await stop(nameServer);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

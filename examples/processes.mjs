// Processes of the command line, as the examples start and end them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const QANAT = fileURLToPath(new URL('../packages/cli/bin/qanat.mjs', import.meta.url));

/** Starts one process of `qanat`, and resolves when it says that it is ready. */
export async function start(args) {
  const child = spawn(process.execPath, [QANAT, ...args, '--json', '--log-level', 'error'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exit = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`qanat ${args[0]} ended before it was ready (${code ?? signal})`);
  });
  const { value } = await Promise.race([lines.next(), exit]);
  exit.catch(() => {});
  return { child, endpoint: JSON.parse(value).endpoint };
}

/** Sends a signal, and resolves when the process is gone. */
export async function end(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

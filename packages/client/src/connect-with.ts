import { QanatError } from '@qanat/core';
import { EngineClient } from './client.ts';
import type { QanatClient } from './client-api.ts';
import type { ClientGround } from './client-ground.ts';
import { LOGINS } from './parts.ts';
import type { ConnectOptions } from './types.ts';

const CONNECT_MS = 10_000;
/** No outage that passes by itself: whoever waits for the client hears of it at once. */
const STAYS: ReadonlySet<string> = new Set(['TLS_FAILED', 'UNAUTHENTICATED', 'AUTH_FAILED', 'UNSUPPORTED_FEATURE']);
const IS_IT_THERE = 'is the cluster running, and is this the address of a NameServer? `npx qanat dev` starts one here';

/**
 * Connects over the given transports: for tests, and for platforms of your own.
 * @throws QanatError CONNECTION_FAILED when no NameServer answers in time, TLS_FAILED when TLS fails with every one of them,
 *   BAD_CONFIG.
 */
export async function connectWith(ground: ClientGround, options: ConnectOptions = {}): Promise<QanatClient> {
  const login = options.login === undefined ? undefined : (await LOGINS.load()).loginOn(ground, options.login);
  const client = new EngineClient(ground, options, login);
  const { signal, timeoutMs = CONNECT_MS } = options;
  signal?.throwIfAborted();
  let onAbort: () => void = () => {};
  let why: QanatError | undefined;
  let stopListening: () => void = () => {};
  const gaveUp = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const cancel = ground.clock.at(ground.clock.nowMs() + timeoutMs, () => {
      reject(noAnswer(ground, timeoutMs, why));
    });
    void client.ready.then(cancel);
    stopListening = client.onEvent((event) => {
      if (event.kind !== 'error') return;
      why = event.error;
      if (STAYS.has(why.code)) reject(why);
    });
  });
  client.runner.start();
  try {
    await Promise.race([client.ready, gaveUp]);
    return client;
  } catch (error) {
    void client.close();
    throw error;
  } finally {
    stopListening();
    signal?.removeEventListener('abort', onAbort);
  }
}

const USUAL_HINT = new QanatError('CONNECTION_FAILED', '').hint;

function noAnswer({ nameServers }: ClientGround, timeoutMs: number, why: QanatError | undefined): QanatError {
  const reason = QanatError.is(why?.cause) ? `: ${why.cause.message}` : '';
  const hint = why === undefined || why.hint === USUAL_HINT ? IS_IT_THERE : why.hint;
  return new QanatError(
    'CONNECTION_FAILED',
    `no NameServer answered within ${timeoutMs} ms: ${nameServers.join(', ')}${reason}`,
    {
      cause: why,
      hint,
    },
  );
}

import { QanatError } from '@qanat/core';
import { type ClientGround, EngineClient } from './client.ts';
import type { QanatClient } from './client-api.ts';
import type { ConnectOptions } from './types.ts';

const CONNECT_MS = 10_000;

/**
 * Connects over the given transports: for tests, and for platforms of your own.
 * @throws QanatError CONNECTION_FAILED when no NameServer answers in time, BAD_CONFIG.
 */
export async function connectWith(ground: ClientGround, options: ConnectOptions = {}): Promise<QanatClient> {
  const client = new EngineClient(ground, options);
  const { signal, timeoutMs = CONNECT_MS } = options;
  signal?.throwIfAborted();
  let onAbort: () => void = () => {};
  const gaveUp = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const cancel = ground.clock.at(ground.clock.nowMs() + timeoutMs, () => {
      reject(
        new QanatError('CONNECTION_FAILED', `no NameServer answered within ${timeoutMs} ms: ${ground.nameServers.join(', ')}`, {
          outcome: 'not-sent',
          hint: 'is the cluster running, and is this the address of a NameServer? `npx qanat dev` starts one here',
        }),
      );
    });
    void client.ready.then(cancel);
  });
  client.runner.start();
  try {
    await Promise.race([client.ready, gaveUp]);
    return client;
  } catch (error) {
    void client.close();
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

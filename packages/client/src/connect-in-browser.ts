import { parseNameServers } from '@qanat/core';
import { browserClock, browserPlatform, browserWebSocketTransport, fetchInflate } from '@qanat/transports/browser';
import type { QanatClient } from './client-api.ts';
import { connectWith } from './connect-with.ts';
import { Part } from './part.ts';
import { CONSUMERS } from './parts.ts';
import type { ConnectOptions } from './types.ts';

/** What is used of a page, and of a worker, which is never hidden. */
interface Scope {
  readonly crypto: { getRandomValues(numbers: Uint32Array): Uint32Array };
  addEventListener(
    type: 'pagehide',
    listener: (event: { readonly persisted: boolean }) => void,
    options: { readonly signal: AbortSignal },
  ): void;
}

const scope = globalThis as unknown as Scope;
/** What a login with a password needs of a browser. */
const KEYS = new Part('logins', () => import('./parts/browser-keys.ts'));

/**
 * Connects to a cluster from a page or a worker, over WebSocket. When the page goes, the client leaves its groups, so that others
 * have its queues at once; messages that are still to be sent are lost then, and those being handled come again.
 *
 * @param servers its NameServers: `ws://a:7680,b:7680`, `wss://a`, or a list. A scheme holds for those behind it too; the port is
 *   7680 where none is given. A page that came over https can use `wss` only.
 * @throws QanatError CONNECTION_FAILED when no NameServer answers within `timeoutMs`, or a part of the client cannot be loaded.
 *   At once, when every NameServer fails alike: UNAUTHENTICATED (they ask who we are), AUTH_FAILED (they do not believe it),
 *   UNSUPPORTED_FEATURE (they do not ask). BAD_CONFIG.
 */
export async function connect(servers: string | readonly string[], options: ConnectOptions = {}): Promise<QanatClient> {
  const transport = browserWebSocketTransport();
  CONSUMERS.loadBeside(fetchInflate);
  const ended = new AbortController();
  const keys = options.login === undefined ? undefined : await KEYS.load();
  const client = await connectWith(
    {
      nameServers: parseNameServers(servers, transport.schemes),
      transports: [transport],
      clock: browserClock,
      platform: browserPlatform,
      ...(keys === undefined ? {} : { deriveKey: keys.deriveKey, nonce: keys.drawNonce }),
      seed: randomSeed(),
      onEnded: () => ended.abort(),
    },
    options,
  );
  closeWithPage(client, ended.signal);
  return client;
}

/**
 * A page that is only put aside (`persisted`) goes on where it was when it comes back. Not `beforeunload`: that comes too when
 * the user then stays.
 */
function closeWithPage(client: QanatClient, ended: AbortSignal): void {
  const onHide = ({ persisted }: { readonly persisted: boolean }): void => {
    if (!persisted) void client.close({ drain: false });
  };
  scope.addEventListener('pagehide', onHide, { signal: ended });
}

/** 48 bits. */
function randomSeed(): number {
  const [high = 0, low = 0] = scope.crypto.getRandomValues(new Uint32Array(2));
  return (high >>> 16) * 2 ** 32 + low;
}

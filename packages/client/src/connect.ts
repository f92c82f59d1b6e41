import { randomBytes } from 'node:crypto';
import { parseNameServers } from '@qanat/core';
import { networkTransports } from '@qanat/transports/network';
import { deriveKey, drawNonce, nodePlatform, systemClock } from '@qanat/transports/node';
import { TlsMaterial } from '@qanat/transports/tls';
import type { QanatClient } from './client-api.ts';
import { connectWith } from './connect-with.ts';
import type { NetworkConnectOptions } from './types.ts';

/**
 * Connects to a cluster.
 *
 * @param servers its NameServers: `qanat://a:7600,b:7600`, `a:7600`, `qanats://a:7600` for TLS, or a list. A scheme holds for
 *   those behind it too; the port is 7600 where none is given, and 7680 for WebSocket.
 * @throws QanatError CONNECTION_FAILED when no NameServer answers within `timeoutMs`. At once, when every one of them fails
 *   alike: TLS_FAILED, UNAUTHENTICATED (they ask who we are), AUTH_FAILED (they do not believe it), UNSUPPORTED_FEATURE (they do
 *   not ask). BAD_CONFIG.
 */
export function connect(servers: string | readonly string[], options: NetworkConnectOptions = {}): Promise<QanatClient> {
  const tls = options.tls && { material: new TlsMaterial(options.tls) };
  const transports = networkTransports({ tls, inProcess: options.inProcess });
  const schemes = transports.flatMap((transport) => transport.schemes);
  return connectWith(
    {
      nameServers: parseNameServers(servers, schemes),
      transports,
      clock: systemClock,
      platform: nodePlatform,
      deriveKey,
      nonce: drawNonce,
      seed: randomBytes(6).readUIntBE(0, 6),
    },
    options,
  );
}

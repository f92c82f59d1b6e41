import type { Transport } from '@qanat/core';
import { tcpTransport } from '../tcp/index.ts';

/** What Node speaks with other machines: a transport for every scheme. The first one is for addresses without a scheme. */
export const networkTransports = (): readonly Transport[] => [tcpTransport()];

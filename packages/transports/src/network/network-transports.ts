import type { Transport } from '@qanat/core';
import type { InProcessNetwork } from '../memory/index.ts';
import { tcpTransport } from '../tcp/index.ts';
import { type OnRefused, TlsMaterial, type TlsSettings } from '../tls/index.ts';
import { type Origins, webSocketTransport } from '../websocket/index.ts';

export interface NetworkOptions {
  /** For the schemes with TLS. Default: no certificate of one's own, and servers are verified against the CAs that Node knows. */
  readonly tls?: TlsSettings | undefined;
  /** Web pages that may connect to listeners of WebSocket, by their origin. Default: none. */
  readonly origins?: Origins | undefined;
  /** Told of a peer of a listener that was dropped because it does not speak as the listener does. */
  readonly onRefused?: OnRefused | undefined;
  /** Servers of this process that have the same one are reached without sockets, at their addresses of the scheme `qanat`. */
  readonly inProcess?: InProcessNetwork | undefined;
}

/** What Node speaks with other machines: a transport for every scheme. The first one is for addresses without a scheme. */
export function networkTransports({ tls, origins, onRefused, inProcess }: NetworkOptions = {}): readonly Transport[] {
  const secure: TlsSettings = tls ?? { material: new TlsMaterial({}) };
  const plain = tcpTransport({ onRefused });
  return [
    inProcess?.over(plain) ?? plain,
    tcpTransport({ tls: secure, onRefused }),
    webSocketTransport({ origins, onRefused }),
    webSocketTransport({ origins, tls: secure, onRefused }),
  ];
}

import { parseHostPort, type Transport } from '@qanat/core';
import { webSocketTransport } from '@qanat/transports/websocket';
import { type LinkHandler, SCHEMES } from './ground.ts';
import { listenByHand } from './listen-by-hand.ts';
import { RealGround } from './real-ground.ts';
import { dialWebSocket, type WebSocketLink } from './websocket/dial-web-socket.ts';
import { KitWebSocket } from './websocket/kit-web-socket.ts';
import { requestText } from './websocket/upgrade.ts';

const SCHEME = SCHEMES.websocket;

/** Real time and WebSocket. */
export class WebSocketGround extends RealGround {
  readonly binding = 'websocket';
  readonly scheme = SCHEME;

  /** @param subject of a subject in this process. Default: the one that ships. */
  constructor(slackMs?: number, subject: Transport = webSocketTransport()) {
    const listen = listenByHand([SCHEME], (socket) => new KitWebSocket(socket));
    super({ subject, own: { ...webSocketTransport(), listen } }, slackMs);
  }

  dial(address: string, handler: LinkHandler, greeting: Uint8Array = this.greetingFor(address)): WebSocketLink {
    return dialWebSocket(parseHostPort(address, [SCHEME]), handler, greeting);
  }

  greetingFor(address: string): Uint8Array {
    return new TextEncoder().encode(requestText(address));
  }

  told(address: string): string {
    return `${SCHEME}://${address}`;
  }
}

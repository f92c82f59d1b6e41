import type { SocketBinding } from './ground.ts';
import type { RealGround } from './real-ground.ts';
import { TcpGround } from './tcp-ground.ts';
import { WebSocketGround } from './web-socket-ground.ts';

/** A ground with sockets. */
export const groundOver = (binding: SocketBinding, slackMs?: number): RealGround =>
  binding === 'tcp' ? new TcpGround(slackMs) : new WebSocketGround(slackMs);

import { connect } from 'node:net';
import { encodePreface, parseHostPort, QanatError } from '@qanat/core';
import { tcpTransport } from '@qanat/transports/tcp';
import { type Link, type LinkHandler, SCHEMES } from './ground.ts';
import { KitSocket } from './kit-socket.ts';
import { listenByHand } from './listen-by-hand.ts';
import { RealGround } from './real-ground.ts';

const SCHEME = SCHEMES.tcp;

/** Real time and TCP. */
export class TcpGround extends RealGround {
  readonly binding = 'tcp';
  readonly scheme = SCHEME;

  constructor(slackMs?: number) {
    const subject = tcpTransport();
    super({ subject, own: { ...subject, listen: listenByHand([SCHEME], (socket) => new KitSocket(socket)) } }, slackMs);
  }

  dial(address: string, handler: LinkHandler): Link {
    const { host, port } = parseHostPort(address, [this.scheme]);
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    let failure: Error | undefined;
    socket.on('connect', () => handler.onOpen());
    socket.on('data', (bytes) => handler.onBytes(new Uint8Array(bytes)));
    socket.on('end', () => socket.end());
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => handler.onClose(failure && new QanatError('CONNECTION_LOST', failure.message)));
    return {
      write: (bytes) => void socket.write(bytes),
      end: () => void socket.end(),
      destroy: () => {
        // A socket that shuts down cannot be reset: Node would keep its handle for ever, and the kit would not exit.
        if (!socket.writableEnded) socket.resetAndDestroy();
        socket.destroy();
      },
      setReading: (on) => void (on ? socket.resume() : socket.pause()),
    };
  }

  greetingFor(): Uint8Array {
    return encodePreface();
  }

  /** The scheme of an address without one. */
  told(address: string): string {
    return address;
  }
}

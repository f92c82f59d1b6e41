import { createServer, type Server, type Socket } from 'node:net';
import type { History } from '../history/history.ts';

/** What a stranger does with a connection. */
export interface StrangerScript {
  /** It says these bytes as soon as something came. */
  readonly says: Uint8Array;
  /** Then it ends its side of the connection. */
  readonly ends: boolean;
}

/** The name of a stranger in histories. */
export const STRANGER = 'stranger';

/** A server of raw TCP, in the place of a NameServer: what no server of the kit would say, to the byte. */
export class Stranger {
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static listen(script: StrangerScript, history: History, nextConnection: () => number): Promise<Stranger> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const stranger = new Stranger(server);
    server.on('connection', (socket) => stranger.#accept(socket, script, history, nextConnection()));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(stranger));
    });
  }

  get address(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? `${address.address}:${address.port}` : '';
  }

  close(): void {
    const open = [...this.#open];
    this.#open.clear();
    for (const socket of open) socket.destroy();
    this.#server.close();
  }

  #accept(socket: Socket, { says, ends }: StrangerScript, history: History, connection: number): void {
    this.#open.add(socket);
    history.add({ kind: 'opened', connection, by: 'subject', node: STRANGER, binding: 'tcp' });
    socket.on('data', (bytes) => history.add({ kind: 'bytes', connection, from: 'subject', bytes: new Uint8Array(bytes) }));
    socket.once('data', () => {
      history.add({ kind: 'bytes', connection, from: 'kit', bytes: says });
      socket.write(says);
      if (!ends) return;
      history.add({ kind: 'note', note: 'ended', args: { connection } });
      socket.end();
    });
    const ended = (clean: boolean): void => {
      if (!this.#open.delete(socket)) return;
      history.add({ kind: 'closed', connection, by: 'subject', clean });
      socket.destroy();
    };
    socket.on('end', () => ended(true));
    socket.on('error', () => ended(false));
    socket.on('close', () => ended(false));
  }
}

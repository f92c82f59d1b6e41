import { createServer, type Server, type Socket } from 'node:net';
import * as core from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import type { CallDone, Driver, Manifest } from '../driver/driver.ts';
import { ReferenceServer } from '../driver/reference-server.ts';
import { TcpGround } from '../ground/tcp-ground.ts';
import { agreeingText, headOf, refusingText } from '../ground/websocket/upgrade.ts';
import type { JsonObject } from '../json.ts';

type Done = (answer: JsonObject) => void;

/** Answers the request of each connection with a text, and ends. */
const answering =
  (textOf: (request: string) => string) =>
  (keep: (server: Server, socket?: Socket) => void, done: Done): void => {
    const server = createServer((socket) => {
      keep(
        server,
        socket.on('error', () => {}),
      );
      socket.once('data', (request) => socket.end(textOf(request.toString('latin1'))));
    });
    keep(server);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      done({ endpoints: { ws: `127.0.0.1:${port}` } });
    });
  };

/** Servers that claim to be reached over TCP and WebSocket, and are not over WebSocket. Undefined: what listens speaks TCP. */
export const DEGENERATE_LISTENERS = {
  'claims TCP and WebSocket, serves TCP': undefined,
  'claims WebSocket, tells no endpoint for it': (_, done) => done({ address: '127.0.0.1:1' }),
  'answers every upgrade with 404': answering(() => refusingText('404 Not Found')),
  'agrees to every upgrade, then ends': answering((request) => agreeingText(headOf(request))),
} as const satisfies Readonly<
  Record<string, ((keep: (server: Server, socket?: Socket) => void, done: Done) => void) | undefined>
>;

export type DegenerateListenerName = keyof typeof DEGENERATE_LISTENERS;

/** A driver whose servers do not listen for what they claim. */
export class DegenerateListener implements Driver {
  readonly manifest: Manifest;
  readonly #name: DegenerateListenerName;
  readonly #ends: (() => void)[] = [];

  constructor(name: DegenerateListenerName) {
    this.#name = name;
    this.manifest = { name, version: '0', roles: ['nameserver'], abilities: ['kill', 'stop'], transports: ['tcp', 'websocket'] };
  }

  call(op: string, args: JsonObject, done: CallDone): void {
    if (op !== 'start') return done(undefined, {});
    const listen = DEGENERATE_LISTENERS[this.#name];
    if (listen === undefined) return this.#listenForTcp(args, done);
    const keep = (server: Server, socket?: Socket): void => {
      this.#ends.push(() => (socket === undefined ? server.close() : socket.destroy()));
    };
    listen(keep, (answer) => done(undefined, answer));
  }

  onTold(): void {}

  async close(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
  }

  #listenForTcp(args: JsonObject, done: CallDone): void {
    const parts = { platform: nodePlatform, engines: core };
    const server = new ReferenceServer({ role: 'nameserver', ground: new TcpGround(), ...parts });
    this.#ends.push(() => void server.close());
    server.call('start', args, (error, ok) => {
      const { address } = ok as { address: string };
      done(error, { endpoints: { qanat: address, ws: address } });
    });
  }
}

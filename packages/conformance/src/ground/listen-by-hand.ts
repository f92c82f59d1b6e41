import { createServer, type Socket } from 'node:net';
import { type Connection, type ConnectionHandler, formatHostPort, parseHostPort, QanatError, type Transport } from '@qanat/core';

/** A connection that waits for its owner. */
type Accepted = Connection & { setHandler(handler: ConnectionHandler): void };

/** Listens for a server of the kit. @param wrap makes its side of an accepted socket. */
export const listenByHand =
  (schemes: readonly string[], wrap: (socket: Socket) => Accepted): Transport['listen'] =>
  (address, accept, done) => {
    const { host, port } = parseHostPort(address, schemes);
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const connection = wrap(socket);
      connection.setHandler(accept(connection));
    });
    server.once('error', (error) =>
      done(new QanatError('BAD_CONFIG', `cannot listen at ${address}: ${error.message}`), undefined),
    );
    server.listen({ host, port }, () => {
      const bound = server.address();
      const at = formatHostPort({ host, port: typeof bound === 'object' && bound !== null ? bound.port : port });
      done(undefined, {
        address: at,
        close: (closed) => {
          server.close();
          setImmediate(closed);
        },
      });
    });
  };

import type { Server, Socket } from 'node:net';
import { formatHostPort, type HostPort, type Listener, parseHostPort, QanatError } from '@qanat/core';

/** Connections that the kernel has and Node has not taken: a crowd beyond it makes honest peers wait for seconds. */
const BACKLOG = 4_096;

const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there: stop it, or choose another port (0 picks a free one)',
  EACCES: 'choose a port of 1024 or above, or give the process the right to lower ones',
  EADDRNOTAVAIL: 'this machine has no such address: try 0.0.0.0 or 127.0.0.1',
  ENOTFOUND: 'the host name has no address',
};

/** BAD_CONFIG with what to do. @param what cannot be, and where. */
export function listenError(what: string, cause: NodeJS.ErrnoException): QanatError {
  const reason = cause.code ?? cause.message;
  const hint = HINTS[reason];
  return new QanatError('BAD_CONFIG', `${what}: ${reason}`, { cause, ...(hint === undefined ? {} : { hint }) });
}

export type ListenDone = (error: QanatError | undefined, listener: Listener | undefined) => void;

/**
 * Makes a server of Node listen.
 * @param done hears BAD_CONFIG where it cannot. @param ended called when the listener is closed, or never came to be.
 */
export function listenWith(server: Server, target: HostPort, done: ListenDone, ended: () => void = () => undefined): void {
  const failed = (error: NodeJS.ErrnoException): void => {
    ended();
    done(listenError(`cannot listen at ${formatHostPort(target)}`, error), undefined);
  };
  server.once('error', failed);
  server.listen({ ...target, backlog: BACKLOG }, () => {
    server.off('error', failed);
    // Out of file descriptors: the kernel keeps the connection waiting, and those that are open go on.
    server.on('error', () => undefined);
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : target.port;
    const close = (closed: () => void): void => {
      // Node's own callback would wait for every accepted connection; the port is free at once.
      server.close();
      ended();
      setImmediate(closed);
    };
    done(undefined, { address: formatHostPort({ host: target.host, port }), close });
  });
}

/** The place that an address names, or BAD_CONFIG. */
export function tryParse(address: string, schemes: readonly string[]): HostPort | QanatError {
  try {
    return parseHostPort(address, schemes);
  } catch (error) {
    return error as QanatError;
  }
}

const MAPPED_V4 = '::ffff:';

/** Who connected, for people. */
export function remoteOf(socket: Socket): string {
  const { remoteAddress: host, remotePort: port } = socket;
  if (host === undefined || port === undefined) return 'a peer that is gone';
  return formatHostPort({ host: host.startsWith(MAPPED_V4) ? host.slice(MAPPED_V4.length) : host, port });
}

import { connect, createServer, type Socket } from 'node:net';
import { formatHostPort, PREFACE_BYTES, parseHostPort } from '@qanat/core';

/** What a proxy between who dials and who listens does with the bytes of a TCP stream. */
export interface StreamMeddling {
  /** Sent to who dials, as soon as it has connected. */
  readonly greeting?: Uint8Array;
  /** Bytes of who listens, the first ones with `first`. @returns what the other side gets. */
  readonly toDialler?: (bytes: Buffer, first: boolean) => Uint8Array;
  /**
   * Looks at all bytes of who dials so far, whenever some have come. @returns true when the proxy breaks the connection off
   * instead of passing them on.
   */
  readonly refuses?: (bytes: Buffer) => boolean;
  /** What becomes of the end of who listens, or of who dials. Default: it is passed on. */
  readonly listenerEnd?: 'kept' | 'reset';
  readonly diallerEnd?: 'kept';
}

/** A proxy in front of a server. @returns its address, and what ends it. */
export async function tcpProxy(target: string, meddling: StreamMeddling): Promise<{ address: string; close(): void }> {
  const sockets = new Set<Socket>();
  const to = parseHostPort(target, ['qanat']);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ ...to, allowHalfOpen: true, noDelay: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    join(near, far, meddling);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    address: formatHostPort({ host: '127.0.0.1', port }),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function join(near: Socket, far: Socket, { greeting, toDialler, refuses, listenerEnd, diallerEnd }: StreamMeddling): void {
  let heard = false;
  let said = Buffer.alloc(0);
  if (greeting !== undefined) near.write(greeting);
  far.on('data', (bytes) => {
    near.write(toDialler?.(bytes, !heard) ?? bytes);
    heard = true;
  });
  far.on('end', () => {
    if (listenerEnd === 'reset') near.resetAndDestroy();
    else if (listenerEnd === undefined) near.end();
  });
  near.on('data', (bytes) => {
    said = Buffer.concat([said, bytes]);
    if (refuses?.(said) === true) return void near.destroy();
    far.write(bytes);
  });
  near.on('end', () => {
    if (diallerEnd === undefined) far.end();
  });
  near.on('close', () => far.destroy());
}

/** Whether a stream stops inside of a frame so far. */
export function endsInsideFrame(bytes: Buffer): boolean {
  let at = PREFACE_BYTES;
  while (at + 4 <= bytes.length) at += 4 + bytes.readUInt32BE(at);
  return bytes.length > PREFACE_BYTES && at !== bytes.length;
}

import { connect, createServer, type Socket } from 'node:net';
import { formatHostPort, PREFACE_BYTES, parseHostPort } from '@qanat/core';

/** What a proxy between the kit and a server does with the bytes of a TCP stream. */
export interface StreamMeddling {
  /** Sent to the kit as soon as it has connected. */
  readonly greeting?: Uint8Array;
  /** Bytes of the server, the first ones with `first`. @returns what the kit gets. */
  readonly toKit?: (bytes: Buffer, first: boolean) => Uint8Array;
  /**
   * Looks at all bytes of the kit so far, whenever some have come. @returns true when the proxy breaks the connection off instead
   * of passing them on.
   */
  readonly refuses?: (bytes: Buffer) => boolean;
  /** What becomes of the server's end, or of that of the kit. Default: it is passed on. */
  readonly serverEnd?: 'kept' | 'reset';
  readonly kitEnd?: 'kept';
}

/** A proxy in front of a server. @returns its address, and what ends it. */
export async function tcpProxy(target: string, meddling: StreamMeddling): Promise<{ address: string; close(): void }> {
  const sockets = new Set<Socket>();
  const to = parseHostPort(target, ['qanat']);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (kit) => {
    const far = connect({ ...to, allowHalfOpen: true, noDelay: true });
    for (const socket of [kit, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    join(kit, far, meddling);
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

function join(kit: Socket, far: Socket, { greeting, toKit, refuses, serverEnd, kitEnd }: StreamMeddling): void {
  let heard = false;
  let said = Buffer.alloc(0);
  if (greeting !== undefined) kit.write(greeting);
  far.on('data', (bytes) => {
    kit.write(toKit?.(bytes, !heard) ?? bytes);
    heard = true;
  });
  far.on('end', () => {
    if (serverEnd === 'reset') kit.resetAndDestroy();
    else if (serverEnd === undefined) kit.end();
  });
  kit.on('data', (bytes) => {
    said = Buffer.concat([said, bytes]);
    if (refuses?.(said) === true) return void kit.destroy();
    far.write(bytes);
  });
  kit.on('end', () => {
    if (kitEnd === undefined) far.end();
  });
  kit.on('close', () => far.destroy());
}

/** Whether a stream stops inside of a frame so far. */
export function endsInsideFrame(bytes: Buffer): boolean {
  let at = PREFACE_BYTES;
  while (at + 4 <= bytes.length) at += 4 + bytes.readUInt32BE(at);
  return bytes.length > PREFACE_BYTES && at !== bytes.length;
}

import { connect, createServer, type Socket } from 'node:net';
import { formatHostPort, PREFACE_BYTES, parseHostPort } from '@qanat/core';

/** What a proxy between the kit and a server does with the bytes of a TCP stream. */
export interface StreamMeddling {
  /** Sent to the kit as soon as it has connected. */
  readonly greeting?: Uint8Array;
  /** Bytes of the server, the first ones with `first`. @returns what the kit gets. */
  readonly toKit?: (bytes: Buffer, first: boolean) => Uint8Array;
  /** Bytes of the kit. @returns true when the proxy breaks the connection off instead of passing them on. */
  readonly refuses?: (bytes: Buffer, first: boolean) => boolean;
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
  let said = false;
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
    if (refuses?.(bytes, !said) === true) return void kit.destroy();
    far.write(bytes);
    said = true;
  });
  kit.on('end', () => {
    if (kitEnd === undefined) far.end();
  });
  kit.on('close', () => far.destroy());
}

/** Whether bytes stop inside of a frame. @param first they begin with a preface. */
export function endsInsideFrame(bytes: Buffer, first: boolean): boolean {
  let at = first ? PREFACE_BYTES : 0;
  while (at + 4 <= bytes.length) at += 4 + bytes.readUInt32BE(at);
  return at !== bytes.length;
}

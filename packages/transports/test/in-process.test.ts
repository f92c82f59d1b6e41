import { connect as connectSocket } from 'node:net';
import type { Connection, ConnectionHandler, Listener, Transport } from '@qanat/core';
import { describeTransport } from '@qanat/core/testing';
import { InProcessNetwork } from '@qanat/transports/memory';
import { systemClock } from '@qanat/transports/node';
import { tcpTransport } from '@qanat/transports/tcp';
import { describe, expect, it } from 'vitest';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describeTransport('TCP with an in-process network over it', { describe, it }, () => {
  const network = new InProcessNetwork(systemClock);
  return {
    dialling: network.over(tcpTransport()),
    listening: network.over(tcpTransport()),
    listenAddress: '127.0.0.1:0',
    nobody: '127.0.0.1:1',
    turn,
    turnsMax: Number.POSITIVE_INFINITY,
    end: () => undefined,
  };
});

const QUIET: ConnectionHandler = {
  onOpen: () => undefined,
  onFrame: () => undefined,
  onFramesEnd: () => undefined,
  onBadBytes: () => undefined,
  onDrain: () => undefined,
  onClose: () => undefined,
};

/** A transport that counts what it is asked for. */
function counted(): Transport & { dialled: number } {
  const tcp = tcpTransport();
  const transport = {
    schemes: tcp.schemes,
    dialled: 0,
    dial(address: string, handler: ConnectionHandler): Connection {
      transport.dialled++;
      return tcp.dial(address, handler);
    },
    listen: tcp.listen,
  };
  return transport;
}

const listenOn = (transport: Transport): Promise<Listener> =>
  new Promise((resolve, reject) => {
    transport.listen(
      '127.0.0.1:0',
      () => QUIET,
      (error, listener) => (listener === undefined ? reject(error) : resolve(listener)),
    );
  });

const opened = (transport: Transport, address: string): Promise<Connection> =>
  new Promise((resolve, reject) => {
    const connection = transport.dial(address, { ...QUIET, onOpen: () => resolve(connection), onClose: reject });
  });

const closed = (listener: Listener): Promise<void> => new Promise((resolve) => listener.close(resolve));

describe('an in-process network', () => {
  it('spares the sockets between those who have the same one, whichever form of the address is dialled', async () => {
    const network = new InProcessNetwork(systemClock);
    const tcp = counted();
    const listener = await listenOn(network.over(tcpTransport()));
    (await opened(network.over(tcp), listener.address)).close();
    (await opened(network.over(tcp), `qanat://${listener.address}`)).close();
    expect(tcp.dialled).toBe(0);
    await closed(listener);
  });

  it('leaves listeners where others find them, and goes over the network to others', async () => {
    const network = new InProcessNetwork(systemClock);
    const tcp = counted();
    const inside = await listenOn(network.over(tcpTransport()));
    const outside = await listenOn(tcpTransport());
    (await opened(tcpTransport(), inside.address)).close();
    (await opened(network.over(tcp), outside.address)).close();
    expect(tcp.dialled).toBe(1);
    await Promise.all([closed(inside), closed(outside)]);
  });

  it('closes a listener inside and outside', async () => {
    const network = new InProcessNetwork(systemClock);
    const tcp = counted();
    const listener = await listenOn(network.over(tcpTransport()));
    await closed(listener);
    await expect(opened(network.over(tcp), listener.address)).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
    expect(tcp.dialled).toBe(1);
    const port = Number(listener.address.split(':')[1]);
    await new Promise((resolve) => connectSocket(port, '127.0.0.1').once('error', resolve));
  });

  it('tells what is wrong with an address as the transport does', async () => {
    const network = new InProcessNetwork(systemClock);
    await expect(opened(network.over(tcpTransport()), 'http://a:1')).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
  });
});

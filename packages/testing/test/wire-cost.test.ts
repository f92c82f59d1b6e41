// Goal: what one message costs on the wire when it is sent alone. Virtual time, a whole cluster in memory.
import { connectWith } from '@qanat/client';
import type { Connection, ConnectionHandler, Transport } from '@qanat/core';
import { ClusterHosts, VirtualClock } from '@qanat/simulator';
import { nodePlatform } from '@qanat/transports/node';
import { expect, it } from 'vitest';

const BODY_BYTES = 128;
const PAYLOAD_BYTES_MAX = 300;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A transport that counts the bytes of the frames that pass, both ways. */
class CountingTransport implements Transport {
  bytes = 0;
  readonly #inner: Transport;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  get schemes(): readonly string[] {
    return this.#inner.schemes;
  }

  get listen(): Transport['listen'] {
    return this.#inner.listen;
  }

  dial(address: string, handler: ConnectionHandler): Connection {
    const onFrame = (frame: Uint8Array): void => {
      this.bytes += frame.length;
      handler.onFrame(frame);
    };
    const connection = this.#inner.dial(address, { ...handler, onFrame });
    const send = connection.send.bind(connection);
    connection.send = (parts) => {
      for (const part of parts) this.bytes += part.length;
      return send(parts);
    };
    return connection;
  }
}

it('takes at most 300 bytes, both ways, for one acknowledged message of 128 bytes', async () => {
  const clock = new VirtualClock();
  const hosts = new ClusterHosts({ clock, platform: nodePlatform, seed: 1, nameServers: 1, brokers: 1 });
  hosts.start();
  while (!hosts.complete) clock.run(clock.nowMs() + 1);
  const transport = new CountingTransport(hosts.network.transport('client-1'));
  const until = async <T>(promise: Promise<T>): Promise<T> => {
    let settled = false;
    const end = (): void => {
      settled = true;
    };
    promise.then(end, end);
    for (await turn(); !settled; await turn()) clock.run(clock.nowMs() + 1);
    return promise;
  };
  const ground = { nameServers: hosts.nameServerAddresses, transports: [transport], clock, platform: nodePlatform, seed: 1 };
  const client = await until(connectWith(ground));
  const producer = client.producer();
  const body = new Uint8Array(BODY_BYTES);
  await until(producer.send('orders', { body }));
  const before = transport.bytes;
  await until(producer.send('orders', { body }));
  expect(transport.bytes - before).toBeLessThanOrEqual(PAYLOAD_BYTES_MAX);
  expect(transport.bytes - before).toBeGreaterThan(BODY_BYTES);
  await until(client.close());
});

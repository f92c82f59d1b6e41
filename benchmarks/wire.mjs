// What one acknowledged message, sent alone, takes on the wire: bytes of TCP payload, both ways.
import { connectWith } from '@qanat/client';
import { nodePlatform, systemClock } from '@qanat/transports/node';
import { tcpTransport } from '@qanat/transports/tcp';

const MESSAGES = 100;

/** A transport whose frames are counted. */
function counting(inner, bytes) {
  const dial = (address, handler) => {
    const onFrame = (frame) => {
      bytes.received += frame.length;
      handler.onFrame(frame);
    };
    const connection = inner.dial(address, Object.assign(Object.create(handler), { onFrame }));
    const send = connection.send.bind(connection);
    connection.send = (parts) => {
      for (const part of parts) bytes.sent += part.length;
      return send(parts);
    };
    return connection;
  };
  return { schemes: inner.schemes, dial, listen: inner.listen };
}

export async function wire(nameServers, topic, { size, ack }) {
  const bytes = { sent: 0, received: 0 };
  const transports = [counting(tcpTransport(), bytes)];
  const ground = { nameServers: [nameServers], transports, clock: systemClock, platform: nodePlatform, seed: 1 };
  const client = await connectWith(ground);
  const producer = client.producer({ ack });
  const body = new Uint8Array(size).fill(120);
  await producer.send(topic, { body });
  const before = { ...bytes };
  for (let i = 0; i < MESSAGES; i++) await producer.send(topic, { body });
  const sentBytes = (bytes.sent - before.sent) / MESSAGES;
  const receivedBytes = (bytes.received - before.received) / MESSAGES;
  await client.close();
  return { acked: MESSAGES + 1, sentBytes, receivedBytes, bytesPerMessage: sentBytes + receivedBytes };
}

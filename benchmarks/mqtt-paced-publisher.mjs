// A thread that publishes to MQTT at an even rate. It sleeps until a message is due, and sends it itself: who is woken by another
// thread, or shares one with the subscriber, adds their delays to those of what is measured.
import { Buffer } from 'node:buffer';
import { setImmediate as turn } from 'node:timers/promises';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Device, publishPacket } from './mqtt-device.mjs';

const PACKET_IDS = 60_000;

/** Of one clock for all threads, ms. */
export const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;

/**
 * Publishes `total` messages to `topic`, `rate` a second, the first one at `startMs`. Each payload begins with the time at which
 * it was meant to be sent, a double.
 * @returns the thread; it goes on reading acknowledgements until it is ended.
 */
export const startPacedPublisher = (settings) => new Worker(new URL(import.meta.url), { workerData: settings });

async function publish({ port, topic, qos, payloadBytes, rate, total, startMs }) {
  const device = await Device.open(port, 'pub-0');
  const never = new Int32Array(new SharedArrayBuffer(4));
  const payload = Buffer.alloc(Math.max(8, payloadBytes));
  for (let sent = 0; sent < total; sent++) {
    const dueMs = startMs + (sent * 1000) / rate;
    payload.writeDoubleBE(dueMs);
    const packet = publishPacket(topic, payload, qos, (sent % PACKET_IDS) + 1);
    const waitMs = dueMs - monotonicMs();
    if (waitMs > 0) Atomics.wait(never, 0, 0, waitMs);
    device.write(packet);
    // Takes the acknowledgements that have come.
    await turn();
  }
}

if (!isMainThread) await publish(workerData);

// Produces as fast as acknowledgements come: --in-flight batches (or single messages) at a time.
import { Histogram } from './percentiles.mjs';

/** What a producer allows. */
const IN_FLIGHT_MAX = 32;

export async function produce(client, topic, { size, batch, inFlight, ack, durationMs, messages = Number.POSITIVE_INFINITY }) {
  // Single sends gather into batches by themselves; batches of ours are in flight as many as asked for.
  const producer = client.producer({ ack, ...(batch === 1 ? {} : { inFlightBatches: Math.min(IN_FLIGHT_MAX, inFlight) }) });
  const body = new Uint8Array(size).fill(120);
  const list = Array.from({ length: batch }, () => ({ body, tag: 'TAGA' }));
  const latency = new Histogram();
  let acked = 0;
  let started = 0;
  const failures = new Map();
  const startCpu = process.cpuUsage();
  const startMs = performance.now();
  const worker = async () => {
    while (performance.now() - startMs < durationMs && started < messages) {
      started += batch;
      const sentMs = performance.now();
      try {
        if (batch === 1) await producer.send(topic, list[0]);
        else await producer.sendBatch(topic, list);
        acked += batch;
        latency.record(performance.now() - sentMs);
      } catch (error) {
        failures.set(error.code, (failures.get(error.code) ?? 0) + batch);
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(startCpu);
  await producer.close();
  const cpuUs = (user + system) / Math.max(1, acked);
  return { acked, seconds, failures: Object.fromEntries(failures), latency: latency.summary(), cpuUs };
}

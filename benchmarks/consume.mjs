// Consumes with a batch handler until it has got `messages`, or until it is told how many there are.
import { Histogram } from './percentiles.mjs';
import { residentMb } from './process-cost.mjs';

/**
 * @param options.expected how many messages to wait for; a promise when it is not known yet.
 * @param options.latency bodies begin with the time at which they were meant to leave, or with 0: not to be counted.
 */
export async function consume(client, topic, { expected, latency: timed = false, onReady = () => {} }) {
  const consumer = client.pushConsumer({
    group: `bench-${process.pid}`,
    topics: topic,
    from: 'first',
    prefetchBytes: 32 * 1024 * 1024,
  });
  const latency = new Histogram();
  const stop = new AbortController();
  let got = 0;
  let bytes = 0;
  let firstMs = 0;
  let lastMs = 0;
  let wanted = Number.POSITIVE_INFINITY;
  const startCpu = process.cpuUsage();
  const check = () => {
    if (got >= wanted) stop.abort();
  };
  Promise.resolve(expected).then((count) => {
    wanted = count;
    check();
  });
  const originMs = performance.timeOrigin;
  const stopEvents = client.onEvent((event) => {
    if (event.kind === 'assigned') onReady();
  });
  await consumer.runBatch(
    (messages) => {
      lastMs = performance.now();
      firstMs ||= lastMs;
      got += messages.length;
      if (timed) {
        const nowMs = originMs + lastMs;
        for (const { body } of messages) {
          const meantMs = new DataView(body.buffer, body.byteOffset).getFloat64(0);
          if (meantMs > 0) latency.record(nowMs - meantMs);
        }
      } else for (const { body } of messages) bytes += body.length;
      check();
    },
    { signal: stop.signal, recordsMax: 4096 },
  );
  stopEvents();
  const { user, system } = process.cpuUsage(startCpu);
  return {
    got,
    bytes,
    seconds: (lastMs - firstMs) / 1000,
    latency: latency.summary(),
    cpuUs: (user + system) / Math.max(1, got),
    consumerMb: residentMb(process.pid),
  };
}

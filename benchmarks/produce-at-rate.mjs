// Sends single messages at a fixed rate, whether acknowledgements come or not.
import { Histogram } from './percentiles.mjs';
import { startTicker } from './ticker.mjs';

/** The ticker's thread is there by then. */
const HEAD_START_MS = 200;

const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = new Uint8Array(scratch.buffer);

function writeTime(body, ms) {
  scratch.setFloat64(0, ms);
  body.set(scratchBytes);
}

/**
 * Each message bears the time at which it was meant to leave (ms since 1970), those of the warm-up 0: programs that have just
 * started are compiled while they run.
 * @returns with `late`: how late `send` was called; `acknowledged`: until its promise was resolved; both from that time on.
 */
export async function produceAtRate(client, topic, { size, rate, ack, durationMs, warmUpMs }) {
  const producer = client.producer({ ack });
  const warmUp = Math.floor((rate * warmUpMs) / 1000);
  const total = warmUp + Math.floor((rate * durationMs) / 1000);
  const late = new Histogram();
  const acknowledged = new Histogram();
  const failures = new Map();
  const free = [];
  const startMs = performance.now() + HEAD_START_MS;
  let sent = 0;
  let acked = 0;
  let startCpu;
  await new Promise((resolve) => {
    let settled = 0;
    const send = () => {
      const index = sent++;
      const meantMs = startMs + (index * 1000) / rate;
      const timed = index >= warmUp;
      const body = free.pop() ?? new Uint8Array(Math.max(8, size));
      writeTime(body, timed ? performance.timeOrigin + meantMs : 0);
      if (timed) late.record(performance.now() - meantMs);
      const done = () => {
        free.push(body);
        if (++settled === total) resolve();
      };
      producer.send(topic, { body }).then(
        () => {
          acked++;
          if (timed) acknowledged.record(performance.now() - meantMs);
          done();
        },
        (error) => {
          failures.set(error.code, (failures.get(error.code) ?? 0) + 1);
          done();
        },
      );
    };
    startTicker({ rate, total, startMs: performance.timeOrigin + startMs }, (due) => {
      if (startCpu === undefined && due > warmUp) startCpu = process.cpuUsage();
      while (sent < due) send();
    });
  });
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(startCpu);
  await producer.close();
  const stages = { late: late.summary(), acknowledged: acknowledged.summary() };
  return { acked, seconds, failures: Object.fromEntries(failures), stages, cpuUs: (user + system) / Math.max(1, total - warmUp) };
}

// Says when messages are due. Timers are a millisecond coarse, and who spins takes a processor away from what is measured: a
// thread
// of its own sleeps until the next message is due, and wakes the producer.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** Not woken more often than this: what is due sooner leaves together, late by half of it on average. */
const GRAIN_MS = 0.2;
/** Shared numbers. */
const DUE = 0;
const TOLD = 1;

/**
 * Calls `onDue(count)` as time goes by: `count` messages are due by now, the first one at `startMs` since 1970.
 * @returns what ends it; it ends by itself with the last message.
 */
export function startTicker({ rate, total, startMs }, onDue) {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL(import.meta.url), { workerData: { rate, total, startMs, shared } });
  worker.on('message', () => {
    Atomics.store(shared, TOLD, 0);
    onDue(Atomics.load(shared, DUE));
  });
  return () => worker.terminate();
}

function tick({ rate, total, startMs, shared }) {
  const never = new Int32Array(new SharedArrayBuffer(4));
  const sleep = (ms) => Atomics.wait(never, 0, 0, ms);
  const nowMs = () => performance.timeOrigin + performance.now();
  for (let due = 0; due < total; ) {
    const next = startMs + (due * 1000) / rate;
    const waitMs = next - nowMs();
    if (waitMs > 0) {
      sleep(Math.max(waitMs, GRAIN_MS));
      continue;
    }
    due = Math.min(total, Math.floor(((nowMs() - startMs) * rate) / 1000) + 1);
    Atomics.store(shared, DUE, due);
    // One message on the way is enough: it tells the newest count.
    if (Atomics.exchange(shared, TOLD, 1) === 0) parentPort.postMessage(0);
    sleep(GRAIN_MS / 2);
  }
}

if (!isMainThread) tick(workerData);

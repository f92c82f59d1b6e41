// Makes the log of a broker without the broker: with the code that brokers use, and nobody who waits for an acknowledgement.
import { randomBytes } from 'node:crypto';
import { CommitLog, encodeBatch, stampBatch, startStorageRequest, Timers } from '@qanat/core';
import { openFileStorage } from '@qanat/storage';
import { nodePlatform } from '@qanat/transports/node';

/** Appended before the next wait. */
const GROUP_BYTES = 8 * 1024 * 1024;

const ended = (start) =>
  new Promise((resolve, reject) => {
    start((error) => (error === undefined ? resolve() : reject(error)));
  });

/**
 * Batches of `messages` messages of `messageBytes`, one queue after the other, until the log has `bytes`.
 * @returns the next offset of each queue.
 */
export async function makeLargeLog(directory, { topic, queues, bytes, messages, messageBytes, progress }) {
  const storage = await openFileStorage(directory);
  const timers = new Timers();
  const host = {
    timers,
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    storage: (request, done) => startStorageRequest(storage, request, done),
    log: () => {},
    fatal: (error) => {
      throw error;
    },
  };
  const options = { platform: nodePlatform, flush: 'async', newStoreId: new Uint8Array(randomBytes(16)) };
  const log = new CommitLog(options, host, { restore: () => {}, apply: () => {}, rolledBack: () => {} });
  await ended((done) => log.open(done));
  log.term = 1;
  log.appendState({ topicChanged: { topicId: 1, topic, queues } }, () => {});
  const body = new Uint8Array(messageBytes).fill(46);
  const born = { bornTimeMs: Date.now(), producerId: 0, producerEpoch: 0, baseSequence: 0 };
  const batch = encodeBatch(
    nodePlatform,
    Array.from({ length: messages }, () => ({ body })),
    born,
    2 ** 20,
  );
  const next = new Array(queues).fill(0);
  for (let queue = 0; log.endPosition < bytes; ) {
    await ended((done) => {
      const until = log.endPosition + GROUP_BYTES;
      while (log.endPosition < until) {
        stampBatch(nodePlatform, batch, next[queue], 1, Date.now());
        next[queue] += messages;
        log.appendBatch(1, queue, batch, log.endPosition + batch.length + 64 < until ? () => {} : done);
        queue = (queue + 1) % queues;
      }
      log.commit();
    });
    timers.tick(performance.now());
    progress(log.endPosition);
  }
  await ended((done) => log.close(done));
  await ended((done) => storage.close(done));
  return next;
}

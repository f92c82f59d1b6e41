// Where the time of a batch goes between its producer, the broker and the consumer, from what trace-process.mjs noted.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Histogram } from './percentiles.mjs';

/** Shorter writes of the producer are keepalives and the like. */
const SEND_BYTES_MIN = 150;

/** Gives the first event of a kind at or after a time; asked in the order of time. */
class Track {
  #events;
  #at = 0;

  constructor(events, what, bytesMin = 0) {
    this.#events = events.filter(([, kind, bytes]) => kind === what && bytes >= bytesMin);
  }

  get all() {
    return this.#events;
  }

  next(fromMs) {
    while (this.#at < this.#events.length && this.#events[this.#at][0] < fromMs) this.#at++;
    return this.#events[this.#at]?.[0];
  }
}

/** @param fromMs since 1970: what was before is warm-up. @returns histograms by stage, in the order of the way. */
export function stagesOf(directory, fromMs) {
  const read = (role) => JSON.parse(readFileSync(join(directory, `${role}.json`), 'utf8'));
  const [producer, broker, consumer] = ['producer', 'broker', 'consumer'].map(read);
  const way = [
    ['producer to broker', new Track(broker, 'read', SEND_BYTES_MIN)],
    ['broker, until the sync begins', new Track(broker, 'sync')],
    ['fdatasync', new Track(broker, 'synced')],
    ['broker, until the answers are written', new Track(broker, 'write')],
  ];
  const ends = [
    ['broker to producer', new Track(producer, 'read')],
    ['broker to consumer', new Track(consumer, 'read')],
  ];
  const stages = Object.fromEntries([...way, ...ends].map(([name]) => [name, new Histogram()]));
  for (const [sentMs] of new Track(producer, 'write', SEND_BYTES_MIN).all) {
    if (sentMs < fromMs) continue;
    let lastMs = sentMs;
    const take = ([name, track]) => {
      const nextMs = track.next(lastMs);
      if (nextMs !== undefined) stages[name].record(nextMs - lastMs);
      return nextMs;
    };
    for (const step of way) lastMs = take(step) ?? lastMs;
    for (const step of ends) take(step);
  }
  return Object.fromEntries(Object.entries(stages).map(([name, histogram]) => [name, histogram.summary()]));
}

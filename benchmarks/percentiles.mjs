// Latencies in a histogram of fixed memory: 1 % wide buckets from 1 µs on.
const GROWTH = Math.log(1.01);

export class Histogram {
  #buckets = new Uint32Array(2_200);
  #count = 0;
  #max = 0;

  record(ms) {
    const us = Math.max(1, ms * 1000);
    this.#buckets[Math.min(this.#buckets.length - 1, Math.floor(Math.log(us) / GROWTH))]++;
    this.#count++;
    if (ms > this.#max) this.#max = ms;
  }

  /** The latency below which `share` of all were, ms. */
  at(share) {
    const wanted = Math.ceil(this.#count * share);
    let seen = 0;
    for (let i = 0; i < this.#buckets.length; i++) {
      seen += this.#buckets[i];
      if (seen >= wanted) return Math.min(this.#max, Math.exp((i + 0.5) * GROWTH) / 1000);
    }
    return this.#max;
  }

  summary() {
    const round = (ms) => Math.round(ms * 1000) / 1000;
    return {
      count: this.#count,
      p50: round(this.at(0.5)),
      p90: round(this.at(0.9)),
      p99: round(this.at(0.99)),
      p999: round(this.at(0.999)),
      max: round(this.#max),
    };
  }
}

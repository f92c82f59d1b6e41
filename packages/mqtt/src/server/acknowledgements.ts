/** A publish that waits for its answer. */
export interface Acknowledgement {
  readonly packetId: number;
  readonly qos: 1 | 2;
  /** Undefined: the cluster has not said yet. */
  reasonCode: number | undefined;
}

/** The answers that a client waits for, given in the order in which its publishes came [MQTT-4.6.0-2] [MQTT-4.6.0-3]. */
export class Acknowledgements {
  #entries: Acknowledgement[] = [];
  #head = 0;

  get size(): number {
    return this.#entries.length - this.#head;
  }

  add(packetId: number, qos: 1 | 2): Acknowledgement {
    const entry = { packetId, qos, reasonCode: undefined };
    this.#entries.push(entry);
    return entry;
  }

  /** Takes the oldest, when it may be answered. */
  next(): Acknowledgement | undefined {
    const entry = this.#entries[this.#head];
    if (entry?.reasonCode === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#entries.length) this.#clear();
    else if (this.#head >= 1_024) this.#compact();
    return entry;
  }

  #clear(): void {
    this.#entries = [];
    this.#head = 0;
  }

  #compact(): void {
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}

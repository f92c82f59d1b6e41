import type { ProtocolVersion } from '../codec/packet.ts';

/** Topic filters, each with the quality of service that was asked for. */
export type Subscribed = ReadonlyMap<string, 0 | 1>;

/** What is to be subscribed to at another broker, and what the session there is subscribed to, as far as that is known. */
export class UpstreamSubscriptions {
  readonly #wanted: Subscribed;
  readonly #there: Map<string, 0 | 1>;
  /** Of the wanted ones: need not be asked for. */
  readonly #granted: Set<string>;
  readonly #changed: (there: Subscribed) => void;

  /**
   * @param there what the session had when it was last known. With 3.1.1 it is relied on: to ask again for what a session has
   *   brings all retained messages again. In 5.0 it does not (Retain Handling), and everything is asked for once.
   * @param changed what the session has has become another.
   */
  constructor(wanted: Subscribed, there: Subscribed, version: ProtocolVersion, changed: (there: Subscribed) => void) {
    this.#wanted = wanted;
    this.#there = new Map(there);
    this.#granted = new Set(version === 5 ? [] : [...wanted.keys()].filter((filter) => there.get(filter) === wanted.get(filter)));
    this.#changed = changed;
  }

  /** What is to be asked for. */
  missing(): (readonly [filter: string, qos: 0 | 1])[] {
    return [...this.#wanted].filter(([filter]) => !this.#granted.has(filter));
  }

  /** What the session has and nobody wants. */
  superfluous(): string[] {
    return [...this.#there.keys()].filter((filter) => !this.#wanted.has(filter));
  }

  granted(filter: string): void {
    this.#granted.add(filter);
    const qos = this.#wanted.get(filter) ?? 0;
    if (this.#there.get(filter) === qos) return;
    this.#there.set(filter, qos);
    this.#changed(new Map(this.#there));
  }

  /** It was refused, or unsubscribed from. */
  gone(filter: string): void {
    this.#granted.delete(filter);
    if (this.#there.delete(filter)) this.#changed(new Map(this.#there));
  }

  /** The session is a new one. */
  lost(): void {
    this.#granted.clear();
    if (this.#there.size === 0) return;
    this.#there.clear();
    this.#changed(new Map());
  }
}

import { type Clock, fmix32, portableCrc32, QanatError, type QueueId, utf8 } from '@qanat/core';
import { BRIDGE_DEAD_MS, BRIDGE_FORGOTTEN_MS, CHECKPOINT_MS } from './limits.ts';
import type { KeyedState } from './log-client.ts';
import { BRIDGES, bridgeKey } from './state-keys.ts';
import { StillSpan } from './still-span.ts';
import { StoredReader, StoredWriter } from './stored-bytes.ts';
import { Repeated } from './waiting.ts';

const FORMAT = 1;

/** How far a bridge had come when all its sessions were saved or settled. */
export interface Checkpoint {
  /** From 1 on; 0: there was none yet. */
  readonly number: number;
  /** Of its tails, by the names of the queues. */
  readonly positions: ReadonlyMap<string, number>;
}

/** What the entry of a bridge says. */
export interface Beat {
  /** When it was written, ms since 1970. */
  readonly atMs: number;
  readonly checkpoint: Checkpoint;
}

interface Seen extends Beat {
  readonly version: number;
  readonly queue: QueueId;
  readonly still: StillSpan;
  /** When it may have lived for the last time that is known, ms since 1970. */
  aliveAtMs: number;
}

export function encodeLiveness({ atMs, checkpoint: { number, positions } }: Beat): Uint8Array {
  const w = new StoredWriter(FORMAT).number(Math.floor(atMs)).number(number);
  return w.list([...positions], ([queue, offset]) => w.text(queue).number(offset)).end();
}

/** @throws QanatError CORRUPT_LOG. */
export function decodeLiveness(bytes: Uint8Array): Beat {
  const r = new StoredReader(bytes, FORMAT);
  const atMs = r.number();
  return { atMs, checkpoint: { number: r.number(), positions: new Map(r.list(() => [r.text(), r.number()] as const)) } };
}

/** The name of one life of a bridge. */
export const instanceOf = (bridgeId: string, life: string): string => `${bridgeId}~${life}`;
const bridgeOf = (instance: string): string => instance.slice(0, instance.indexOf('~'));

const nameInUse = (name: string): QanatError =>
  new QanatError('NAME_IN_USE', `another bridge runs by the name "${name}": give each a name of its own`);

const NONE: Checkpoint = { number: 0, positions: new Map() };

/**
 * Which bridges live: each writes its entry once a second, and one whose entry stands still is dead, as soon as its broker has
 * said so for long enough: while that is away, nobody can write the entry. What only one bridge shall do is done by the one that
 * the rendezvous of its name and the living bridges gives; for a moment it may be two or none, and what they do is made for that.
 */
export class Liveness {
  readonly instance: string;
  readonly #state: KeyedState;
  readonly #clock: Clock;
  /** ms since 1970. */
  readonly #begunAtMs: number;
  readonly #seen = new Map<string, Seen>();
  /** Bridges that have sessions and no beat. */
  readonly #missing = new Map<string, StillSpan>();
  readonly #beat: Repeated;
  readonly #looks: Repeated;
  readonly #onTrouble: (error: unknown) => void;
  #own: Checkpoint = NONE;
  /** Of the last beat that was written, and of the last one that came late. */
  #beatAtMs: number;
  #lateAtMs = Number.NEGATIVE_INFINITY;

  /** @param instance name of this life of the bridge: another one has another name. */
  constructor(state: KeyedState, clock: Clock, instance: string, onTrouble: (error: unknown) => void) {
    this.#state = state;
    this.#clock = clock;
    this.instance = instance;
    this.#begunAtMs = clock.wallMs();
    this.#beatAtMs = clock.nowMs();
    this.#onTrouble = onTrouble;
    this.#beat = new Repeated(clock, CHECKPOINT_MS, () => this.#write(), onTrouble);
    this.#looks = new Repeated(clock, CHECKPOINT_MS, () => this.#look(), onTrouble);
  }

  /** Writes the first beat. @throws QanatError. */
  async start(): Promise<void> {
    await this.#write();
    this.#beat.start();
    this.#looks.start();
  }

  /** No more beats. @param remove the bridge has no sessions any more: the others need not wait for its death. */
  async stop(remove: boolean): Promise<void> {
    this.#beat.stop();
    this.#looks.stop();
    if (remove) await this.#remove(this.instance);
  }

  /** A checkpoint is complete: the next beat tells it. */
  completed(checkpoint: Checkpoint): void {
    this.#own = checkpoint;
  }

  /** Takes a change of an entry. @throws QanatError CORRUPT_LOG. */
  changed(key: string, value: Uint8Array | undefined, version: number, queue: QueueId): void {
    const instance = key.slice(BRIDGES.length);
    this.#missing.delete(instance);
    if (value === undefined) return void this.#seen.delete(instance);
    const beat = decodeLiveness(value);
    if (this.#isTwin(instance, beat)) this.#onTrouble(nameInUse(bridgeOf(instance)));
    this.#seen.set(instance, { ...beat, version, queue, still: new StillSpan(this.#clock.nowMs()), aliveAtMs: beat.atMs });
  }

  /** Whether a bridge of the same name runs: an earlier life would have handed over, or be dead, by now. */
  #isTwin(instance: string, { atMs }: Beat): boolean {
    if (instance === this.instance || bridgeOf(instance) !== bridgeOf(this.instance)) return false;
    return atMs - this.#begunAtMs > BRIDGE_DEAD_MS;
  }

  /**
   * Whether a bridge lives, as far as this one can tell. One that was not seen yet has as long to be seen: its beat and its
   * sessions come by different queues.
   */
  isAlive(instance: string): boolean {
    if (instance === this.instance) return true;
    const seen = this.#seen.get(instance);
    if (seen !== undefined) return !seen.still.isDead;
    const still = this.#missing.get(instance) ?? new StillSpan(this.#clock.nowMs());
    this.#missing.set(instance, still);
    return !still.isDead;
  }

  /** Whether others may have taken this bridge for dead a moment ago: no beat of it came for so long. */
  get wasLate(): boolean {
    const now = this.#clock.nowMs();
    return now - this.#beatAtMs > BRIDGE_DEAD_MS || now - this.#lateAtMs < 2 * BRIDGE_DEAD_MS;
  }

  /** The last checkpoint that a bridge told of. */
  checkpointOf(instance: string): Checkpoint {
    return instance === this.instance ? this.#own : (this.#seen.get(instance)?.checkpoint ?? NONE);
  }

  /**
   * Until when a bridge may have served its sessions, ms since 1970 and not after `wallMs`: `wallMs` itself while it lives, and
   * where nothing is known of it. It holds for bridges as well that were dead before this one began, as an earlier life of this
   * one was.
   */
  servedUntilMs(instance: string, wallMs: number): number {
    if (instance === this.instance) return wallMs;
    const latestMs = bridgeOf(instance) === bridgeOf(this.instance) ? Math.min(wallMs, Math.floor(this.#begunAtMs)) : wallMs;
    const seen = this.#seen.get(instance);
    return seen === undefined ? latestMs : Math.min(latestMs, seen.aliveAtMs + BRIDGE_DEAD_MS);
  }

  /** Whether this bridge is the one for a task. */
  isMine(task: string): boolean {
    const hash = portableCrc32(utf8(task), 0);
    const weight = (instance: string): number => fmix32(fmix32(portableCrc32(utf8(instance), 0)) ^ hash);
    const own = weight(this.instance);
    for (const other of this.#seen.keys()) {
      if (other === this.instance || !this.isAlive(other)) continue;
      const theirs = weight(other);
      if (theirs > own || (theirs === own && other > this.instance)) return false;
    }
    return true;
  }

  /** Removes the entries of bridges that are dead for long. @param has whether a bridge still has sessions. */
  async forget(has: (instance: string) => boolean): Promise<void> {
    for (const [instance, { still }] of this.#seen) {
      if (instance === this.instance || still.ms < BRIDGE_FORGOTTEN_MS || has(instance)) continue;
      if (this.isMine(bridgeKey(instance))) await this.#remove(instance);
    }
  }

  /** Looks at the entries of bridges that have not been heard of for a while. */
  async #look(): Promise<void> {
    const now = this.#clock.nowMs();
    const silent: string[] = [];
    for (const [instance, { still }] of this.#seen)
      if (instance !== this.instance && still.isDue(now, CHECKPOINT_MS)) silent.push(instance);
    for (const [instance, still] of this.#missing) if (!still.isDead && still.isDue(now, CHECKPOINT_MS)) silent.push(instance);
    await Promise.all(silent.map((instance) => this.#lookAt(instance)));
  }

  async #lookAt(instance: string): Promise<void> {
    const key = bridgeKey(instance);
    const options = { timeoutMs: CHECKPOINT_MS };
    try {
      const queue = this.#seen.get(instance)?.queue ?? (await this.#state.queueOf(key, options));
      const [entry] = await this.#state.get(queue, [key], options);
      this.#looked(instance, entry?.version ?? 0);
    } catch {
      // No answer: nothing is known of it.
    }
  }

  /** @param version of the entry; 0: there is none. What is new comes by the watch. */
  #looked(instance: string, version: number): void {
    const now = this.#clock.nowMs();
    const seen = this.#seen.get(instance);
    if (seen === undefined && version === 0) this.#missing.get(instance)?.seen(now);
    if (seen === undefined || seen.version !== version) return;
    // It may have lived as long as nobody could see.
    if (!seen.still.seen(now)) seen.aliveAtMs = this.#clock.wallMs();
  }

  async #write(): Promise<void> {
    const key = bridgeKey(this.instance);
    await this.#state.write(await this.#state.queueOf(key), [
      { key, value: encodeLiveness({ atMs: this.#clock.wallMs(), checkpoint: this.#own }) },
    ]);
    const now = this.#clock.nowMs();
    if (now - this.#beatAtMs > BRIDGE_DEAD_MS) this.#lateAtMs = now;
    this.#beatAtMs = now;
  }

  async #remove(instance: string): Promise<void> {
    const key = bridgeKey(instance);
    try {
      await this.#state.write(await this.#state.queueOf(key), [{ key, value: undefined }]);
    } catch (error) {
      this.#onTrouble(error);
    }
  }
}

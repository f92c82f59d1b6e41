import type { Random, StorageRequest } from '@qanat/core';

/** Requests that a device can fail. */
export type DiskOperation = Exclude<StorageRequest['op'], 'list' | 'freeSpace' | 'close'>;

/**
 * What becomes of the bytes that a failed sync did not write: the system takes them for written, or tries again with the next
 * one.
 */
export type UnsyncedPages = 'drop' | 'keep';

/** What is wrong with one disk. It outlives the processes that use the disk. */
export class DiskFaults {
  readonly random: Random;
  #slowFactor = 1;
  readonly #slowed = new Set<() => void>();
  #limitBytes = Number.POSITIVE_INFINITY;
  readonly #failing = new Map<DiskOperation, number>();
  #syncFailure: UnsyncedPages | undefined;

  constructor(random: Random) {
    this.random = random;
  }

  /** Every request takes so many times longer. */
  get slowFactor(): number {
    return this.#slowFactor;
  }

  /** With 1 what is under way takes no longer than what begins now. */
  set slowFactor(factor: number) {
    this.#slowFactor = factor;
    if (factor !== 1) return;
    const slowed = [...this.#slowed];
    this.#slowed.clear();
    for (const hurry of slowed) hurry();
  }

  /** A slow request is under way. @param hurry called when the disk is quick again. @returns call it when the request ended. */
  slowed(hurry: () => void): () => void {
    this.#slowed.add(hurry);
    return () => this.#slowed.delete(hurry);
  }

  /** Something else fills the disk: from now on the files of this store may have so many bytes in all. */
  fill(limitBytes: number): void {
    this.#limitBytes = limitBytes;
  }

  /** Something else gives the space back. */
  empty(): void {
    this.#limitBytes = Number.POSITIVE_INFINITY;
  }

  freeBytesAfter(usedBytes: number): number {
    return Math.max(0, this.#limitBytes - usedBytes);
  }

  /** The next `count` requests of this kind fail with an error of the device; an append has written a part by then. */
  fail(operation: DiskOperation, count = 1): void {
    this.#failing.set(operation, count);
  }

  /** The next sync fails, once. */
  failSync(pages: UnsyncedPages): void {
    this.#syncFailure = pages;
  }

  /** The disk works again. */
  heal(): void {
    this.slowFactor = 1;
    this.empty();
    this.#failing.clear();
    this.#syncFailure = undefined;
  }

  /** Whether the request that runs now fails; counts it. */
  takes(operation: DiskOperation): boolean {
    if (this.#failing.size === 0) return false;
    const left = this.#failing.get(operation) ?? 0;
    if (left <= 1) this.#failing.delete(operation);
    else this.#failing.set(operation, left - 1);
    return left > 0;
  }

  /** What becomes of the pages of the sync that runs now; undefined: it succeeds. */
  takesSync(): UnsyncedPages | undefined {
    const pages = this.#syncFailure;
    this.#syncFailure = undefined;
    return pages;
  }
}

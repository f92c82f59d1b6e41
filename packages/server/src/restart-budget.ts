/** So often within RESTARTS_WITHIN_MS a broker begins again in its process: what is mended in vain does not go on for ever. */
export const RESTARTS_MAX = 5;
export const RESTARTS_WITHIN_MS = 600_000;

/** Counts how often a broker has begun again. */
export class RestartBudget {
  readonly #taken: number[] = [];

  /** @returns whether it may begin again now, which is counted. */
  take(nowMs: number): boolean {
    while (this.#taken[0] !== undefined && this.#taken[0] <= nowMs - RESTARTS_WITHIN_MS) this.#taken.shift();
    if (this.#taken.length === RESTARTS_MAX) return false;
    this.#taken.push(nowMs);
    return true;
  }
}

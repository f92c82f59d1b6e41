/** Time as the driver sees it. Engines never see a clock: time is their argument. */
export interface Clock {
  /** Monotonic milliseconds, with a fraction where the platform has it. */
  nowMs(): number;
  /** Milliseconds since 1970; may jump. */
  wallMs(): number;
  /** Calls `run` once at or after `timeMs` of the monotonic clock. Returns what cancels it. */
  at(timeMs: number, run: () => void): () => void;
}

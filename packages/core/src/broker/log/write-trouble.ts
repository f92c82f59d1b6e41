import type { QanatError } from '../../errors.ts';
import type { LogHost } from './log-host.ts';

const TELL_AGAIN_MS = 60_000;

/** Writes that fail one after the other: people are told of the first, after a minute how many there were, and of the end. */
export class WriteTrouble {
  readonly #host: Pick<LogHost, 'nowMs' | 'log'>;
  /** Since a write was done. */
  #failures = 0;
  #tells = false;
  #tellMs = 0;

  constructor(host: Pick<LogHost, 'nowMs' | 'log'>) {
    this.#host = host;
  }

  failed(segment: string, { message }: QanatError): void {
    const nowMs = this.#host.nowMs();
    this.#failures++;
    this.#tells = this.#failures === 1 || nowMs >= this.#tellMs;
    if (!this.#tells) return;
    this.#tellMs = nowMs + TELL_AGAIN_MS;
    this.#host.log('error', 'log.write.failed', { segment, error: message, failures: this.#failures });
  }

  /** What had not been written whole was cut off: so many `entries` behind `position`. */
  rolledBack(position: number, entries: number): void {
    if (this.#tells) this.#host.log('warn', 'log.rolled-back', { position, entries });
  }

  written(): void {
    if (this.#failures > 0) this.#host.log('info', 'log.write.works', { failures: this.#failures });
    this.#failures = 0;
  }
}

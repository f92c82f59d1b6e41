import type { Transport } from '@qanat/core';
import { systemClock } from '@qanat/transports/node';
import type { Binding, Ground, Link, LinkHandler } from './ground.ts';
import { Lateness } from './lateness.ts';

/** What a machine may add to a time that a rule names: a wait for the disk, a pause of a collector. */
const SLACK_MS = 400;
/** Kit and subject may be as late each. */
const BOTH = 2;
/** What changes within servers of the kit is told by nobody: conditions are looked at this often. */
const LOOK_MS = 50;
/** What the hosts of subjects in this process are called. */
const SUBJECT = 'subject';

interface Waiting {
  look(): void;
}

let lateness: Lateness | undefined;

/** Transports of a ground. */
export interface GroundTransports {
  /** Of servers and clients of the kit. */
  readonly own: Transport;
  /** Of a subject in this process: one that ships. */
  readonly subject: Transport;
}

/** Real sockets and real time, on this machine or towards another. */
export abstract class RealGround implements Ground {
  readonly timing = 'real';
  abstract readonly binding: Binding;
  abstract readonly scheme: string;
  readonly clock = systemClock;
  readonly #leastSlackMs: number;
  readonly #sinceMs = systemClock.nowMs();
  readonly #lateness: Lateness;
  readonly #transports: GroundTransports;
  readonly #waiting = new Set<Waiting>();

  constructor(transports: GroundTransports, slackMs: number = SLACK_MS) {
    this.#leastSlackMs = slackMs;
    this.#transports = transports;
    lateness ??= new Lateness(systemClock.nowMs).watch();
    this.#lateness = lateness;
  }

  abstract dial(address: string, handler: LinkHandler, greeting?: Uint8Array): Link;
  abstract greetingFor(address: string): Uint8Array;
  abstract told(address: string): string;

  /** Grows with what this machine was seen to be late. */
  get slackMs(): number {
    return this.#leastSlackMs + BOTH * this.#lateness.sinceMs(this.#sinceMs);
  }

  until(condition: () => boolean, withinMs: number): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (held: boolean): void => {
        cancel();
        clearInterval(looking);
        this.#waiting.delete(waiting);
        resolve(held);
      };
      const cancel = this.clock.at(this.clock.nowMs() + withinMs, () => settle(condition()));
      const waiting = { look: () => condition() && settle(true) };
      const looking = setInterval(waiting.look, LOOK_MS);
      this.#waiting.add(waiting);
    });
  }

  changed(): void {
    for (const waiting of [...this.#waiting]) waiting.look();
  }

  transport(host: string): Transport {
    return host.startsWith(SUBJECT) ? this.#transports.subject : this.#transports.own;
  }

  listenAddress(): string {
    return '127.0.0.1:0';
  }
}

import type { Clock } from '../clock.ts';

/** How long a lane takes. Given per message, so that a network can change its mind. */
export interface LanePolicy {
  /** Milliseconds from one end to the other. */
  latencyMs(): number;
  /** While true nothing arrives: what was sent waits, as with a protocol that repeats what was lost. */
  isCut(): boolean;
  /** Milliseconds that so many bytes keep the lane busy: the next ones wait. Default 0. */
  transferMs?(bytes: number): number;
  /** The wish to connect that is sent now is lost: the dialling ends by its time-out. Default false. */
  losesDial?(): boolean;
  /** A reset that is sent now takes back what is still on the way, instead of arriving behind it. Default true. */
  resetOvertakes?(): boolean;
}

interface Waiting<Message> {
  readonly message: Message;
  arrivalMs: number;
}

/** One direction of a link: messages arrive in the order in which they were sent, in a later turn of the clock. */
export class Lane<Message> {
  readonly #clock: Pick<Clock, 'at' | 'nowMs'>;
  readonly #policy: LanePolicy;
  readonly #deliver: (message: Message) => void;
  #waiting: Waiting<Message>[] = [];
  #cancel: (() => void) | undefined;
  /** When what was pushed has passed the narrow place. */
  #freeMs = 0;
  #muted = false;

  constructor(clock: Pick<Clock, 'at' | 'nowMs'>, policy: LanePolicy, deliver: (message: Message) => void) {
    this.#clock = clock;
    this.#policy = policy;
    this.#deliver = deliver;
  }

  push(message: Message, bytes = 0): void {
    if (this.#muted) return;
    let startMs = this.#clock.nowMs();
    if (this.#policy.transferMs !== undefined) {
      startMs = Math.max(startMs, this.#freeMs) + this.#policy.transferMs(bytes);
      this.#freeMs = startMs;
    }
    // One that is faster than those before it still waits for them.
    this.#waiting.push({ message, arrivalMs: startMs + this.#policy.latencyMs() });
    this.#arm();
  }

  /** From now on nothing arrives any more, and nobody is told. */
  mute(): void {
    this.#muted = true;
    this.clear();
  }

  /** Replaces everything that has not arrived by a part of it: its first messages, the last of them changed. */
  shorten(choose: (waiting: readonly Message[]) => readonly Message[]): void {
    const kept = choose(this.#waiting.map(({ message }) => message));
    this.#waiting = kept.map((message, i) => ({ message, arrivalMs: (this.#waiting[i] as Waiting<Message>).arrivalMs }));
  }

  /** Takes back everything that has not arrived. */
  clear(): void {
    this.#waiting = [];
    this.#freeMs = 0;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** The cut may have ended: what waited sets out again. */
  resume(): void {
    const earliestMs = this.#clock.nowMs() + this.#policy.latencyMs();
    for (const waiting of this.#waiting) waiting.arrivalMs = Math.max(waiting.arrivalMs, earliestMs);
    this.#arm();
  }

  #arm(): void {
    const first = this.#waiting[0];
    if (first === undefined || this.#cancel !== undefined || this.#policy.isCut()) return;
    this.#cancel = this.#clock.at(first.arrivalMs, () => this.#run());
  }

  #run(): void {
    this.#cancel = undefined;
    const nowMs = this.#clock.nowMs();
    // Messages that are pushed meanwhile wait for the next turn, or two busy ends would never let anybody else run.
    let due = 0;
    while (due < this.#waiting.length && (this.#waiting[due] as Waiting<Message>).arrivalMs <= nowMs) due++;
    if (!this.#policy.isCut()) {
      for (const { message } of this.#waiting.splice(0, due)) this.#deliver(message);
    }
    this.#arm();
  }
}

import { type Clock, QanatError } from '@qanat/core';

/** Resolves after `ms`. */
export const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.at(clock.nowMs() + ms, resolve);
  });

/** What `work` brings, as long as nothing ends the waiting for it. @throws QanatError TIMEOUT where `ended` comes first. */
export function unlessEnded<Result>(work: Promise<Result>, ended: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(new QanatError('TIMEOUT', 'nobody waits any more'));
    ended.addEventListener('abort', end);
    if (ended.aborted) end();
    work.then(resolve, reject).finally(() => ended.removeEventListener('abort', end));
  });
}

/** Runs things one after the other for each key, in the order in which they were given; a failure does not hold up the next. */
export class Sequences {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Keys with something under way. */
  get size(): number {
    return this.#last.size;
  }

  /** Whether something is under way for a key. */
  has(key: string): boolean {
    return this.#last.has(key);
  }

  /** Resolves when everything that is under way now has ended. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#last.values()]);
  }

  run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key);
    const result = before === undefined ? work() : before.then(work, work);
    this.#last.set(key, result);
    const forget = (): void => {
      if (this.#last.get(key) === result) this.#last.delete(key);
    };
    result.then(forget, forget);
    return result;
  }
}

/** Runs so many things at a time, the others in their order when one has ended. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** @param work may say by `leave` that it does not count any more, though it has not ended. */
  async run<Result>(work: (leave: () => void) => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let counts = true;
    const leave = (): void => {
      if (counts) this.#leave();
      counts = false;
    };
    try {
      return await work(leave);
    } finally {
      leave();
    }
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

/** Calls something again and again, with a pause between its end and its next begin, until it is stopped. */
export class Repeated {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #work: () => Promise<void>;
  readonly #onTrouble: (error: unknown) => void;
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(clock: Clock, ms: number, work: () => Promise<void>, onTrouble: (error: unknown) => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#work = work;
    this.#onTrouble = onTrouble;
  }

  /** Begins; the first time at once. */
  start(): void {
    if (this.#stopped) return;
    this.#work()
      .catch((error: unknown) => {
        if (!this.#stopped) this.#onTrouble(error);
      })
      .finally(() => {
        if (!this.#stopped) this.#cancel = this.#clock.at(this.#clock.nowMs() + this.#ms, () => this.start());
      });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }
}

/** Ends a request; called once. */
export type Finish<Result> = (error: Error | null, result: Result) => void;

interface Task {
  /** Whether it has to wait for what runs beside. */
  readonly exclusive: boolean;
  readonly run: () => void;
}

/**
 * The requests on one file. They run one after the other, but for those beside: reads that nothing before them can change, and
 * syncs that nobody waits for. They end in the order in which they were made, but for these syncs, and never before the call that
 * made them has returned.
 */
export class RequestQueue {
  readonly #onQuiet: () => void;
  #tasks: Task[] = [];
  #running = false;
  #besideRunning = 0;
  #exclusives = 0;
  /** One for each request that has not ended, in order; what ended early waits for those before it. */
  #slots: { end: (() => void) | undefined }[] = [];

  /** @param onQuiet runs whenever nothing is under way but what runs beside. */
  constructor(onQuiet: () => void) {
    this.#onQuiet = onQuiet;
  }

  get isIdle(): boolean {
    return this.#slots.length === 0 && this.#besideRunning === 0 && !this.#running;
  }

  /** Something waits or runs that may take away what is there now. */
  get mayShrink(): boolean {
    return this.#exclusives > 0;
  }

  /** @param exclusive nothing may run beside meanwhile. */
  add<Result>(exclusive: boolean, start: (finish: Finish<Result>) => void, done: Finish<Result>): void {
    const slot = this.#slot();
    this.#enqueue(exclusive, start, (error, result) => this.#end(slot, () => done(error, result)));
  }

  /** A read of what is there already. */
  addBeside<Result>(start: (finish: Finish<Result>) => void, done: Finish<Result>): void {
    const slot = this.#slot();
    this.#besideRunning++;
    start((error, result) => {
      this.#besideRunning--;
      this.#end(slot, () => done(error, result));
      this.#pump();
    });
  }

  /** Begins when it is its turn, and lets others pass from then on, unless they are exclusive. It ends whenever it does. */
  addPassed<Result>(start: (finish: Finish<Result>) => void, done: Finish<Result>): void {
    const run = (): void => {
      this.#running = false;
      this.#besideRunning++;
      start((error, result) => {
        process.nextTick(done, error, result);
        this.#besideRunning--;
        this.#pump();
      });
      this.#pump();
    };
    this.#tasks.push({ exclusive: false, run });
    this.#pump();
  }

  /** Work of our own that nobody waits for. */
  addQuietly(start: (finish: Finish<void>) => void): void {
    this.#enqueue(false, start, () => undefined);
  }

  #slot(): { end: (() => void) | undefined } {
    const slot = { end: undefined };
    this.#slots.push(slot);
    return slot;
  }

  #enqueue<Result>(exclusive: boolean, start: (finish: Finish<Result>) => void, done: Finish<Result>): void {
    const run = (): void =>
      start((error, result) => {
        this.#running = false;
        if (exclusive) this.#exclusives--;
        done(error, result);
        this.#pump();
      });
    this.#tasks.push({ exclusive, run });
    if (exclusive) this.#exclusives++;
    this.#pump();
  }

  #pump(): void {
    const task = this.#tasks[0];
    if (this.#running) return;
    if (task === undefined) return this.#onQuiet();
    if (task.exclusive && this.#besideRunning > 0) return;
    this.#tasks.shift();
    this.#running = true;
    task.run();
  }

  #end(slot: { end: (() => void) | undefined }, end: () => void): void {
    slot.end = end;
    while (this.#slots[0]?.end !== undefined) process.nextTick(this.#slots.shift()?.end as () => void);
  }
}

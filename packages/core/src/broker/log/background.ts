// Storage work that nobody waits for: retention, snapshots, index files, the scrub. It ends before the store is closed.
import { QanatError } from '../../errors.ts';
import type { StorageRequest } from '../../storage.ts';
import type { LogHost } from './log-host.ts';
import { runTask, type StorageTask } from './storage-task.ts';

type RequestDone = (error: QanatError | undefined, result: unknown) => void;

export class Background implements Pick<LogHost, 'storage'> {
  readonly #host: Pick<LogHost, 'storage'>;
  #running = 0;
  #stopped = false;
  #whenIdle: (() => void)[] = [];

  constructor(host: Pick<LogHost, 'storage'>) {
    this.#host = host;
  }

  /** After `stop` no further request is started: the task ends with CLOSED where it stands. */
  storage(request: StorageRequest, done: RequestDone): void {
    if (this.#stopped) done(new QanatError('CLOSED', 'the log is being closed'), undefined);
    else this.#host.storage(request, done);
  }

  run<Result>(task: StorageTask<Result>, done: (error: QanatError | undefined, result: Result | undefined) => void): void {
    this.#running++;
    runTask(this, task, (error, result) => {
      this.#running--;
      done(error, result);
      if (this.#stopped) this.#idle();
    });
  }

  /** Lets each task end with the request that it has under way, then runs `done`. */
  stop(done: () => void): void {
    this.#stopped = true;
    this.#whenIdle.push(done);
    this.#idle();
  }

  #idle(): void {
    if (this.#running > 0) return;
    for (const done of this.#whenIdle.splice(0)) done();
  }
}

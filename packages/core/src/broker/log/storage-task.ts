// Storage work of several steps, written as a generator: it yields a request and gets the result. No promise is needed.
import { QanatError } from '../../errors.ts';
import type { StorageRequest, StorageResults } from '../../storage.ts';
import type { LogHost } from './log-host.ts';

export type StorageTask<Result> = Generator<StorageRequest, Result, unknown>;

type RequestOf<Op extends StorageRequest['op']> = Extract<StorageRequest, { readonly op: Op }>;

/** One request. @throws QanatError STORE_IO, the error of the port. */
export function* perform<Op extends StorageRequest['op']>(
  request: RequestOf<Op> & { readonly op: Op },
): StorageTask<StorageResults[Op]> {
  return (yield request) as StorageResults[Op];
}

/**
 * Runs a task up to its end. A QanatError that the task throws ends it with that error; a defect of ours is thrown to whoever
 * delivered the result of the step.
 */
export function runTask<Result>(
  host: Pick<LogHost, 'storage'>,
  task: StorageTask<Result>,
  done: (error: QanatError | undefined, result: Result | undefined) => void,
): void {
  const resume = (error: QanatError | undefined, value: unknown): void => {
    let step: IteratorResult<StorageRequest, Result>;
    try {
      step = error === undefined ? task.next(value) : task.throw(error);
    } catch (thrown) {
      if (!QanatError.is(thrown) || thrown.code === 'INTERNAL') throw thrown;
      done(thrown, undefined);
      return;
    }
    if (step.done === true) done(undefined, step.value);
    else host.storage(step.value, resume);
  };
  resume(undefined, undefined);
}

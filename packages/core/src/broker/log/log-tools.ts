// What tools call: the log in a storage, without a broker.
import type { QanatError } from '../../errors.ts';
import type { Platform } from '../../platform.ts';
import type { Storage } from '../../storage.ts';
import { startStorageRequest } from '../../storage-request.ts';
import { type ListedEntry, listEntries } from './log-listing.ts';
import { type LogRepair, repairLog } from './log-repair.ts';
import { type LogSurvey, type SurveyOptions, surveyLog } from './log-survey.ts';
import { runTask, type StorageTask } from './storage-task.ts';

export type { ListedEntry } from './log-listing.ts';
export type { LogRepair } from './log-repair.ts';
export type { LogDamage, LogSurvey, SurveyedQueue, SurveyedSegment, SurveyedSnapshot, SurveyOptions } from './log-survey.ts';

export type ToolDone<Result> = (error: QanatError | undefined, result: Result | undefined) => void;

/** Looks at a whole store and changes nothing. Errors: STORE_IO, CORRUPT_LOG for an entry of a later release. */
export function surveyStore(storage: Storage, platform: Platform, options: SurveyOptions, done: ToolDone<LogSurvey>): void {
  run(storage, surveyLog(platform, options), done);
}

/** The entries from the first one at or behind `from` on, at most `count`; ends at the first that does not verify. */
export function listStoreEntries(
  storage: Storage,
  platform: Platform,
  from: number,
  count: number,
  done: ToolDone<readonly ListedEntry[]>,
): void {
  run(storage, listEntries(platform, from, count), done);
}

/**
 * Cuts a damaged log at `position`, which must be that of its first damage; copies of what goes stay in the folder `cut`.
 * Errors: INVALID_ARGUMENT (nothing is damaged there, or nothing would be left to start from), STORE_IO.
 */
export function repairStore(storage: Storage, platform: Platform, position: number, done: ToolDone<LogRepair>): void {
  run(storage, repairLog(platform, position), done);
}

function run<Result>(storage: Storage, task: StorageTask<Result>, done: ToolDone<Result>): void {
  runTask({ storage: (request, ended) => startStorageRequest(storage, request, ended) }, task, done);
}

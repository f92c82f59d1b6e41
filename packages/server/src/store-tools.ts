import {
  type ListedEntry,
  type LogRepair,
  type LogSurvey,
  listStoreEntries,
  QanatError,
  repairStore,
  type Storage,
  type SurveyOptions,
  surveyStore,
  type ToolDone,
} from '@qanat/core';
import { openFileStorage, openStoreToRead } from '@qanat/storage';
import { nodePlatform } from '@qanat/transports/node';

/**
 * Looks at the store in a directory and changes nothing; a broker may run on it.
 * @throws QanatError STORE_IO when there is no store, or it cannot be read.
 */
export async function surveyDirectory(directory: string, options: SurveyOptions): Promise<LogSurvey> {
  const storage = await openExisting(directory);
  return settled((done) => surveyStore(storage, nodePlatform, options, done));
}

/** The entries from the first one at or behind position `from` on. */
export async function listDirectoryEntries(directory: string, from: number, count: number): Promise<readonly ListedEntry[]> {
  const storage = await openExisting(directory);
  return settled((done) => listStoreEntries(storage, nodePlatform, from, count, done));
}

/**
 * Cuts a damaged log where its damage begins; copies of what goes stay in the folder `cut` of the directory.
 * @throws QanatError STORE_LOCKED while a broker runs on it, INVALID_ARGUMENT when nothing is damaged there.
 */
export async function repairDirectory(directory: string, position: number): Promise<LogRepair> {
  // Otherwise the lock would make an empty store of a directory whose name was mistyped.
  await openExisting(directory);
  const storage = await openFileStorage(directory);
  try {
    return await settled((done) => repairStore(storage, nodePlatform, position, done));
  } finally {
    await new Promise<void>((resolve) => storage.close(() => resolve()));
  }
}

async function openExisting(directory: string): Promise<Storage> {
  const storage = await openStoreToRead(directory);
  const files = await new Promise<readonly { readonly name: string }[]>((resolve) =>
    storage.list((_error, found) => resolve(found)),
  );
  if (files.some(({ name }) => name.startsWith('log/'))) return storage;
  throw new QanatError('STORE_IO', `there is no log in ${directory}`, { hint: 'name the directory of --data of a broker' });
}

function settled<Result>(start: (done: ToolDone<Result>) => void): Promise<Result> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error === undefined ? resolve(result as Result) : reject(error)));
  });
}

import { mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isStoredName, QanatError, type Storage, type StoredFile, TEMPORARY_SUFFIX } from '@qanat/core';
import { FileStorage } from './file-storage.ts';
import { lockStore } from './store-lock.ts';

/**
 * Opens the store in a directory, makes the directory where it is missing, and keeps every other process out until it is closed
 * or this process ends.
 * @throws QanatError STORE_LOCKED when somebody else has it open, STORE_IO when the directory cannot be used.
 */
export async function openFileStorage(directory: string): Promise<Storage> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o750 });
    const path = await realpath(directory);
    const unlock = await lockStore(path);
    try {
      return new FileStorage(path, await filesOf(path, '', true), unlock);
    } catch (error) {
      await new Promise<void>((resolve) => unlock(resolve));
      throw error;
    }
  } catch (error) {
    if (QanatError.is(error)) throw error;
    throw new QanatError('STORE_IO', `cannot open the store ${directory}: ${(error as Error).message}`, { cause: error });
  }
}

/** What lies in the directory and may be ours. What a crash left half written is removed where `tidy` says so. */
export async function filesOf(directory: string, folder: string, tidy: boolean): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for (const found of await readdir(join(directory, folder), { withFileTypes: true })) {
    const name = folder + found.name;
    const path = join(directory, name);
    const isAside = name.endsWith(TEMPORARY_SUFFIX) && isStoredName(name.slice(0, -TEMPORARY_SUFFIX.length));
    if (found.isFile() && isAside && tidy) await rm(path);
    if (!isStoredName(name)) continue;
    if (found.isDirectory()) files.push(...(await filesOf(directory, `${name}/`, tidy)));
    else if (found.isFile()) files.push({ name, size: (await stat(path)).size });
  }
  return files;
}

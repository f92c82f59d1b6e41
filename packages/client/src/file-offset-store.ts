import { open, readFile, rename } from 'node:fs/promises';
import { QanatError } from '@qanat/core';
import type { OffsetStore } from './types.ts';

/**
 * Keeps the positions of a broadcasting consumer in a JSON file, replaced atomically at each save. For one consumer at a time.
 */
export function fileOffsetStore(path: string): OffsetStore {
  return {
    async load() {
      let text: string;
      try {
        text = await readFile(path, 'utf8');
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
        throw new QanatError('STORE_IO', `cannot read the positions in ${path}`, { cause });
      }
      try {
        return new Map(Object.entries(JSON.parse(text) as Record<string, number>));
      } catch (cause) {
        throw new QanatError('STORE_IO', `the positions in ${path} are damaged`, { cause, hint: 'repair or remove the file' });
      }
    },
    async save(positions) {
      const temporary = `${path}.tmp`;
      const file = await open(temporary, 'w');
      try {
        await file.writeFile(`${JSON.stringify(Object.fromEntries(positions))}\n`);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    },
  };
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeStorage } from '@qanat/core/testing';
import { openFileStorage } from '@qanat/storage';
import { describe, it } from 'vitest';

describeStorage('the file storage', { describe, it }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'qanat-storage-'));
  return {
    open: () => openFileStorage(directory),
    turn: () => new Promise((resolve) => setImmediate(resolve)),
    end: () => rm(directory, { recursive: true }),
    locks: true,
    turnsMax: Number.POSITIVE_INFINITY,
  };
});

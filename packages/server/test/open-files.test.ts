import { LIMITS } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import { connectionsThatFit, RESERVED_FILES } from '../src/open-files.ts';

describe('connections and the files that a process may open', () => {
  it.each([
    [undefined, 1_000_000, LIMITS.CONNECTIONS_MAX],
    [100, 1_000_000, 100],
    [undefined, RESERVED_FILES + 1_000, 800],
    [100, RESERVED_FILES + 125, 100],
    [101, RESERVED_FILES + 125, 100],
    [undefined, RESERVED_FILES, 1],
  ])('RESERVED_FILES: %s wanted, %s files: %s connections', (wanted, files, connections) => {
    expect(connectionsThatFit(wanted, files)).toBe(connections);
  });
});

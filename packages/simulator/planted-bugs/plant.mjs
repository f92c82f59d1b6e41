// A bug of the catalogue in a copy of the sources in memory: for a bundle, and for a run of tests.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWith, planted } from '../../../scripts/planted-source.mjs';

const ENTRY = fileURLToPath(new URL('./entry.ts', import.meta.url));
const sources = fileURLToPath(new URL('../../core/src/', import.meta.url));

/** The source with a bug in it: its path and its text. */
export const plantedBug = (bug) => planted(join(sources, bug.file), bug);

/** Bundles the simulator with a bug planted, or as it is. @returns the file. */
export const bundle = (bug, out) =>
  bundleWith(bug === undefined ? undefined : plantedBug(bug), ENTRY, join(out, `${bug?.name ?? 'sources-as-they-are'}.mjs`));

import type { Ability } from '../../driver/driver.ts';
import type { JsonObject } from '../../json.ts';
import type { Program } from '../../play/program.ts';
import { casesIn } from './vector-questions.ts';

/** Every case of a file, a step each: what is left of a failing program is the case that fails. */
const vectors = (file: string, ...needs: readonly Ability[]): Program => ({
  family: 'codec',
  name: file,
  role: 'codec',
  ...(needs.length === 0 ? {} : { needs }),
  steps: Array.from({ length: casesIn(file) }, (_, i) => ({ op: 'vector', file, case: i + 1 })),
});

const BATCH: JsonObject = { born_time_ms: 5_000, records: [{ tag: 'paid', key: 'k-1', body: 'hello', properties: { a: '1' } }] };
/** In every field of the header, in the columns, and in the records. */
const BITS = [0, 17, 25, 40, 127, 128, 165, 200, 256, 290, 304, 323, 370, 390, 500, 520, 550, 590, 640, 700];

/** Written by hand. */
export const CODEC_PROGRAMS: readonly Program[] = [
  ...['frames', 'headers', 'preface', 'batches'].map((file) => vectors(file)),
  {
    family: 'codec',
    name: 'damaged-batches',
    role: 'codec',
    steps: BITS.map((bit) => ({ op: 'damaged', batch: BATCH, bit })),
  },
  ...[
    ...['crc32', 'errors', 'rendezvous', 'allocate-averagely', 'allocate-circle', 'allocate-sticky'],
    ...['names-valid', 'names-invalid', 'tags-valid', 'tags-invalid', 'filters-valid', 'filters-invalid'],
  ].map((file) => vectors(file, 'functions')),
];

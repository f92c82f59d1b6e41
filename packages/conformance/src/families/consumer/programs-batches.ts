import type { Program } from '../../play/program.ts';
import { meddle, member, ONE_BROKER, pass } from '../clients/steps.ts';
import {
  bornBefore,
  hugeVarint,
  longHeader,
  longRecord,
  record,
  strangeAttributes,
  twinProperties,
  wrongInflation,
} from './batch-bytes.ts';
import { drained, join, program, publish } from './steps.ts';

const store = (hex: string) => ({ op: 'storeBatch', payload: { hex } });
const one = { count: 1 };

/** A first batch that arrives otherwise than it was stored, in each of some groups. */
const damaged = (client: string, patch: readonly (readonly [number, string])[]) => [
  meddle('broker-a', 'PULL', 'answer', 'patchPayload', { patch }),
  member(client),
  { op: 'pass', ms: 300 },
];

export const BATCH_PROGRAMS: readonly Program[] = [
  program(
    'batches-of-every-shape',
    [
      store(longHeader([record('behind a long header', { tag: 't', key: 'k' }), record('and one more')])),
      store(longRecord(record('with something behind it', { properties: { p: 'v' } }))),
      store(strangeAttributes(record('with strange attributes'))),
      store(twinProperties('with twins')),
      {
        op: 'storeBatch',
        payload: { batch: { compress: true, records: [{ body: 'z'.repeat(900), tag: 'zip' }, { body: 'y'.repeat(90) }] } },
      },
      publish(0, 0, one),
      join('c'),
      drained,
      pass(4_000),
    ],
    { setup: ONE_BROKER },
  ),
  program(
    'batches-that-cannot-be-read',
    [
      store(wrongInflation((length) => length + 1)),
      publish(0, 0, one),
      store(wrongInflation(() => 0x7fff_ffff)),
      store(hugeVarint()),
      store(bornBefore()),
      publish(0, 0, one),
      join('c'),
      drained,
      pass(4_000),
    ],
    { setup: ONE_BROKER },
  ),
  program(
    'batches-that-arrive-damaged',
    [
      publish(0, 0, one),
      publish(0, 0, one),
      // A byte of the body; the store time; the length; the magic number.
      ...damaged('c', [[70, 'ffff']]),
      ...damaged('d', [[31, 'aa']]),
      ...damaged('e', [[4, '00ffffff']]),
      ...damaged('f', [[0, '0000']]),
      pass(4_000),
    ],
    { setup: ONE_BROKER },
  ),
];

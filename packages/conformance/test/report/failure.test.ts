// What people see of a failure, as kept files. To write them anew: npx vitest run packages/conformance/test/report -u
import { codeNumber, Flag, PullOk } from '@qanat/core';
import { expect, it } from 'vitest';
import { consume } from '../../src/families/consume/index.ts';
import { framing } from '../../src/families/framing/index.ts';
import { produce } from '../../src/families/produce/index.ts';
import type { HistoryEvent } from '../../src/history/event.ts';
import { bytesOf } from '../../src/json.ts';
import type { Family } from '../../src/play/family.ts';
import { failureText } from '../../src/report/failure-text.ts';
import { terminalReport } from '../../src/report/terminal.ts';
import {
  type Alter,
  alteredServer,
  exploreAs,
  flipped,
  inAnswers,
  inBatch,
  inErrors,
  only,
  withCode,
  withControl,
} from '../altered-server.ts';

interface Wrong {
  readonly family: Family;
  readonly clause: string;
  readonly alter: Alter;
}

/** A server each that is wrong in one place. */
const WRONG: Readonly<Record<string, Wrong>> = {
  flag: {
    family: only(framing, 'missing-fields'),
    clause: 'QNT-TYP-004',
    alter: inErrors('PULL', (bytes) => {
      bytes[6] = Flag.RESPONSE;
      return bytes;
    }),
  },
  code: {
    family: only(framing, 'missing-fields'),
    clause: 'QNT-TYP-004',
    alter: inErrors('PULL', (_, frame) => withCode(frame, codeNumber('TOPIC_NOT_FOUND'))),
  },
  varint: {
    family: only(framing, 'missing-fields'),
    clause: 'QNT-FRM-009',
    alter: inErrors('PULL', (_, frame) => withControl(frame, Uint8Array.of(8, 0x80))),
  },
  'header-field': {
    family: only(consume, 'pull-within-limits'),
    clause: 'QNT-PUL-012',
    alter: inAnswers('PULL', (_, frame) => {
      const { results } = PullOk.decode(frame.control);
      return withControl(frame, PullOk.encode({ results: results.map((one) => ({ ...one, nextOffset: one.nextOffset + 1 })) }));
    }),
  },
  checksum: {
    family: only(produce, 'find-tags-behind-a-longer-header'),
    clause: 'QNT-BAT-002',
    alter: inAnswers('PULL', (bytes, frame) =>
      frame.payload.length > 0 ? flipped(bytes, inBatch(bytes, frame, 'bodyChecksum')) : bytes,
    ),
  },
  record: {
    family: only(produce, 'find-tags-behind-a-longer-header'),
    clause: 'QNT-BAT-002',
    alter: inAnswers('PULL', (bytes, { payload }) => (payload.length > 0 ? flipped(bytes, bytes.length - 12) : bytes)),
  },
};

const LENGTH = '000000f3';

/** What a subject over TCP may send that is no frame, and what shows it. */
const BROKEN: readonly HistoryEvent[] = [
  { kind: 'opened', atMs: 1, connection: 1, by: 'kit', node: 'subject', binding: 'tcp' },
  { kind: 'frame', atMs: 2, connection: 1, from: 'kit', bytes: bytesOf('0000000c000300000000000100000000') },
  { kind: 'frame', atMs: 3, connection: 1, from: 'kit', bytes: bytesOf('0000000c000300000000000300000000') },
  { kind: 'frame', atMs: 3, connection: 1, from: 'kit', bytes: bytesOf('0000000c000300000000000500000000') },
  {
    kind: 'broken',
    atMs: 4,
    connection: 1,
    why: 'a frame claims 3 bytes; the least is 12',
    bytes: bytesOf('00000003000301000000000100000000'),
  },
  { kind: 'note', atMs: 9, note: 'unfinished', args: { connection: 1, bytes: 16, hex: `${LENGTH}000301000000000100000000` } },
];

it('shows a wrong length, and the beginning of a frame that never ends', async () => {
  const frame = 'the length field says how many bytes follow it; got bytes that are no frames';
  const broken = failureText('QNT-INV-006', { sentence: frame, index: 4, field: undefined }, BROKEN);
  const silent = failureText(
    'QNT-FRM-007',
    { sentence: 'PING has to be answered; got nothing', index: 1, field: undefined },
    BROKEN,
  );
  await expect(`${broken}\n${silent}`).toMatchFileSnapshot('golden/length.txt');
});

it.each(Object.entries(WRONG))('shows a wrong %s', async (name, { family, clause, alter }) => {
  const site = alteredServer('broker', alter);
  const result = await exploreAs({ site, families: [family], only: (id) => id === clause });
  await expect(terminalReport(result)).toMatchFileSnapshot(`golden/${name}.txt`);
});

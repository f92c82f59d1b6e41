import { QanatError } from '../../errors.ts';
import { tagError } from '../../model/names.ts';
import { BATCH_HEADER_BYTES } from '../../wire/batch.ts';
import { utf8Length } from '../../wire/bytes.ts';
import { LIMITS } from '../../wire/gen/registry.ts';
import { type RecordInit, recordBytesBound } from '../../wire/record.ts';
import type { Ack, SendOptions } from './producer-options.ts';

const UTF8_BYTES_PER_UNIT = 3;

/** What one batch of a `sendBatch` may hold. */
const PART_BYTES_MAX = LIMITS.BATCH_BYTES_MAX - BATCH_HEADER_BYTES;

let lastTag: string | undefined;

/** Checks one message before it shares a batch with others. @throws QanatError INVALID_BATCH or BATCH_TOO_LARGE, not sent. */
export function checkRecord({ key, tag, body }: RecordInit): void {
  if (key !== undefined && key.length * UTF8_BYTES_PER_UNIT > LIMITS.KEY_BYTES_MAX && utf8Length(key) > LIMITS.KEY_BYTES_MAX) {
    throw new QanatError('INVALID_BATCH', `the key has more than ${LIMITS.KEY_BYTES_MAX} bytes`, { outcome: 'not-sent' });
  }
  if (body.length > PART_BYTES_MAX) {
    throw new QanatError('BATCH_TOO_LARGE', `the message has ${body.length} bytes, a batch at most ${LIMITS.BATCH_BYTES_MAX}`, {
      outcome: 'not-sent',
    });
  }
  if (tag === undefined || tag === '' || tag === lastTag) return;
  const error = tagError(tag);
  if (error !== undefined)
    throw new QanatError('INVALID_BATCH', `tag ${JSON.stringify(tag.slice(0, 80))}: ${error}`, { outcome: 'not-sent' });
  lastTag = tag;
}

/** @throws QanatError INVALID_ARGUMENT, not sent. */
export function checkDedupId(record: RecordInit, { dedupId = '', queue }: SendOptions, ack: Ack): void {
  const bytes = utf8Length(dedupId);
  const fits = bytes > 0 && bytes <= LIMITS.STATE_KEY_BYTES_MAX;
  if (fits && ack !== 'none' && (isKeyed(record) || queue !== undefined)) return;
  const needs = 'needs a key or a queue, an acknowledgement, and 1 to STATE_KEY_BYTES_MAX bytes';
  throw new QanatError('INVALID_ARGUMENT', `a dedup id ${needs}`, { outcome: 'not-sent' });
}

/** The part of a `sendBatch` that makes one batch. */
export interface BatchPart {
  readonly records: readonly RecordInit[];
  readonly bytes: number;
}

/**
 * Cuts records so that each part fits a batch; one part, and no copy, when all fit. @param bytesMax of a part; a message that is
 * longer gets a part of its own.
 */
export function cutRecords(records: readonly RecordInit[], bytesMax: number = PART_BYTES_MAX): readonly BatchPart[] {
  const parts: BatchPart[] = [];
  let from = 0;
  let bytes = 0;
  for (let i = 0; i < records.length; i++) {
    const more = recordBytesBound(records[i] as RecordInit);
    if (i > from && (i - from === LIMITS.BATCH_RECORDS_MAX || bytes + more > bytesMax)) {
      parts.push({ records: records.slice(from, i), bytes });
      from = i;
      bytes = 0;
    }
    bytes += more;
  }
  parts.push({ records: from === 0 ? records : records.slice(from), bytes });
  return parts;
}

export const isKeyed = (record: RecordInit): boolean => record.key !== undefined && record.key !== '';

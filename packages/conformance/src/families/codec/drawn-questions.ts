// What is asked beyond the vectors: frames and batches of which the kit itself knows the bytes.
import { type BatchJson, batchBytes } from '../../codec/batch-json.ts';
import { type FrameJson, frameBytes, readFrame } from '../../codec/frame-json.ts';
import { hexOf, type JsonObject } from '../../json.ts';
import { decodeQuestion, type Question } from './question.ts';
import { batchQuestions, frameQuestions } from './vector-questions.ts';

/** What cannot be sent is not asked for: every step is one of some program. */
function orNothing(questions: () => readonly Question[]): readonly Question[] {
  try {
    return questions();
  } catch {
    return [];
  }
}

/** A frame: both ways. */
export const drawnFrame = (parts: JsonObject): readonly Question[] =>
  orNothing(() => {
    const bytes = frameBytes(parts as unknown as FrameJson);
    // A receiver refuses some of what a sender can write: a field that is missing, a text that is too long.
    const read = { ...readFrame(bytes) } as JsonObject;
    return frameQuestions(`a drawn ${read.frame} (${read.kind})`, read, hexOf(bytes), ['QNT-INV-006', 'QNT-TYP-010']);
  });

/** A batch: both ways. */
export const drawnBatch = (json: JsonObject): readonly Question[] =>
  orNothing(() => {
    const batch = json as unknown as BatchJson;
    const clauses = [batch.stamp === undefined ? 'QNT-BAT-001' : 'QNT-BAT-002', 'QNT-BAT-005'];
    return batchQuestions('a drawn batch', batch, hexOf(batchBytes(batch)), clauses);
  });

const STAMP = { base_offset: 40, term: 3, store_time_ms: 1_700_000_000_123 };
const BITS_OF_A_BYTE = 8;

/** A stored batch of which one bit is another: one of the checksums tells. @param bit modulo how many there are. */
export const damagedBatch = (json: JsonObject, bit: number): readonly Question[] =>
  orNothing(() => {
    const bytes = batchBytes({ stamp: STAMP, ...json } as unknown as BatchJson);
    const place = bit % (bytes.length * BITS_OF_A_BYTE);
    const at = Math.floor(place / BITS_OF_A_BYTE);
    bytes[at] = (bytes[at] as number) ^ (1 << (place % BITS_OF_A_BYTE));
    const of = `a stored batch with bit ${place % BITS_OF_A_BYTE} of byte ${at} turned over`;
    return [decodeQuestion(of, { what: 'batch', hex: hexOf(bytes) }, { error: 'INVALID_BATCH' }, ['QNT-BAT-011'])];
  });

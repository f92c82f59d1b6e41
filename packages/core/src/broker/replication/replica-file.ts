// What a replica keeps beside its log: the numbers of its lives.
import { QanatError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import { readUtf8, utf8 } from '../../wire/bytes.ts';
import { segmentBaseOf } from '../log/segment.ts';
import { perform, type StorageTask } from '../log/storage-task.ts';

const NAME = 'replica';
const TEXT = /^incarnations( \d{1,16}){1,17}\n$/;
/** Earlier lives that are remembered: one of them may still be of the in-sync set on record. */
const LIVES_REMEMBERED = 16;
/** Incarnations have 48 bits: two lives of the replicas of a group never have the same. */
const HIGH_WORDS = 0x1_0000;

export interface ReplicaLife {
  /** Of this life; it is on stable storage. */
  readonly incarnation: number;
  /** Of the lives before, the newest first. */
  readonly earlier: readonly number[];
  /** The store has no log yet. */
  readonly isEmpty: boolean;
}

/** Begins a new life of the replica. Errors: STORE_IO; CORRUPT_LOG where the file is damaged. */
export function* beginLife(random: Random): StorageTask<ReplicaLife> {
  const files = yield* perform({ op: 'list' });
  const file = files.find(({ name }) => name === NAME);
  const earlier = file === undefined ? [] : readLives(yield* perform({ op: 'read', name: NAME, position: 0, length: file.size }));
  const incarnation = random.below(HIGH_WORDS) * 0x1_0000_0000 + random.uint32() + 1;
  const lives = [incarnation, ...earlier.slice(0, LIVES_REMEMBERED)];
  yield* perform({ op: 'replace', name: NAME, bytes: utf8(`incarnations ${lives.join(' ')}\n`) });
  return { incarnation, earlier: lives.slice(1), isEmpty: !files.some(({ name }) => segmentBaseOf(name) !== undefined) };
}

function readLives(bytes: Uint8Array): readonly number[] {
  const text = readUtf8(bytes, 0, bytes.length);
  if (TEXT.test(text)) return text.trim().split(' ').slice(1).map(Number);
  throw new QanatError('CORRUPT_LOG', `${NAME}: the file does not say which lives the replica had`, {
    hint: 'remove the file: the replica then joins its group as a slave',
  });
}

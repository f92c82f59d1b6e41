// What a replica keeps beside its log: which lives it has had.
import { nextLife, type ReplicaLife } from '../../election/replica-life.ts';
import { QanatError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import { readUtf8, utf8 } from '../../wire/bytes.ts';
import { segmentBaseOf } from '../log/segment.ts';
import { perform, type StorageTask } from '../log/storage-task.ts';

const NAME = 'replica';
/** The present life, then the former ones, oldest first. */
const TEXT = /^lives( \d{1,16})+\n$/;
/** Incarnations have 48 bits: two lives of the replicas of a group never have the same. */
const HIGH_WORDS = 0x1_0000;

/** The life that begins, which is on stable storage. */
export interface BegunLife {
  readonly life: ReplicaLife;
  /** The store has no log yet. */
  readonly isEmpty: boolean;
}

/**
 * Begins a life of the replica. Errors: STORE_IO; CORRUPT_LOG where the file is damaged.
 * @param intact all that it had stored in the life before is still there.
 */
export function* beginLife(random: Random, intact: boolean): StorageTask<BegunLife> {
  const files = yield* perform({ op: 'list' });
  const file = files.find(({ name }) => name === NAME);
  const before =
    file === undefined ? undefined : readLife(yield* perform({ op: 'read', name: NAME, position: 0, length: file.size }));
  const life = nextLife(before, random.below(HIGH_WORDS) * 0x1_0000_0000 + random.uint32() + 1, intact);
  yield* perform({ op: 'replace', name: NAME, bytes: utf8(`lives ${[life.incarnation, ...life.former].join(' ')}\n`) });
  return { life, isEmpty: !files.some(({ name }) => segmentBaseOf(name) !== undefined) };
}

function readLife(bytes: Uint8Array): ReplicaLife {
  const text = readUtf8(bytes, 0, bytes.length);
  const [incarnation, ...former] = TEXT.test(text) ? text.trim().split(' ').slice(1).map(Number) : [];
  if (incarnation !== undefined) return { incarnation, former };
  throw new QanatError('CORRUPT_LOG', `${NAME}: the file does not say which lives the replica had`, {
    hint: 'remove the file: the replica then joins its group as a slave',
  });
}

// What a replica keeps beside its log: which lives it has had, and what is to be done with the log at the next start.
import { nextLife, type ReplicaLife } from '../../election/replica-life.ts';
import { QanatError } from '../../errors.ts';
import type { Random } from '../../random.ts';
import type { StoredFile } from '../../storage.ts';
import { readUtf8, utf8 } from '../../wire/bytes.ts';
import { SEGMENT_HEADER_BYTES, segmentBaseOf } from '../log/segment.ts';
import { snapshotName } from '../log/snapshot-store.ts';
import { perform, type StorageTask } from '../log/storage-task.ts';

const NAME = 'replica';
/** The present life, then the former ones, oldest first; in a second line what is wrong with the log, where something is. */
const TEXT = /^lives((?: \d{1,16})+)\n(?:log (cut|anew|joins)\n)?$/;
/** Incarnations have 48 bits: two lives of the replicas of a group never have the same. */
const HIGH_WORDS = 0x1_0000;

/**
 * What a replica does with a log that cannot go on as it is. `cut`: damage is cut off, and copied from the master again. `anew`:
 * the log is removed and begun from a snapshot of the master. `joins`: it was, and ends below its snapshot still.
 */
export type LogMend = 'cut' | 'anew' | 'joins';

/** The life that begins, which is on stable storage. */
export interface BegunLife {
  readonly life: ReplicaLife;
  /** The store has no entry yet. */
  readonly isEmpty: boolean;
  readonly mend: LogMend | undefined;
}

/**
 * Begins a life of the replica. Errors: STORE_IO; CORRUPT_LOG where the file is damaged.
 * @param intact all that it had stored in the life before is still there.
 */
export function* beginLife(random: Random, intact: boolean): StorageTask<BegunLife> {
  const files = yield* perform({ op: 'list' });
  const file = files.find(({ name }) => name === NAME);
  const kept =
    file === undefined ? undefined : readKept(yield* perform({ op: 'read', name: NAME, position: 0, length: file.size }));
  const mend = kept?.mend;
  // What a log lost that is mended nobody knows: it is no longer that of the lives before.
  const isSame = intact && mend === undefined;
  const life = nextLife(kept?.life, random.below(HIGH_WORDS) * 0x1_0000_0000 + random.uint32() + 1, isSame);
  yield* keepLife(life, mend);
  return { life, isEmpty: !files.some(isOfEntries), mend };
}

/** Whether the file says that the store has, or had, an entry. */
function isOfEntries({ name, size }: StoredFile): boolean {
  const base = segmentBaseOf(name);
  if (base === undefined) return name.startsWith('snap/') && name !== snapshotName(0);
  // A crash may have left a file whose header is not whole: that is no log of any store yet.
  return base > 0 || size > SEGMENT_HEADER_BYTES;
}

/** Keeps, on stable storage, what the next start has to know. Errors: STORE_IO. */
export function* keepLife({ incarnation, former }: ReplicaLife, mend: LogMend | undefined): StorageTask<void> {
  const lives = `lives ${[incarnation, ...former].join(' ')}\n`;
  yield* perform({ op: 'replace', name: NAME, bytes: utf8(mend === undefined ? lives : `${lives}log ${mend}\n`) });
}

function readKept(bytes: Uint8Array): { readonly life: ReplicaLife; readonly mend: LogMend | undefined } {
  const [, lives = '', mend] = TEXT.exec(readUtf8(bytes, 0, bytes.length)) ?? [];
  const [incarnation, ...former] = lives.trim().split(' ').map(Number);
  if (lives !== '' && incarnation !== undefined) return { life: { incarnation, former }, mend: mend as LogMend | undefined };
  throw new QanatError('CORRUPT_LOG', `${NAME}: the file does not say which lives the replica had`, {
    hint: 'remove the file: the replica then joins its group as a slave',
  });
}

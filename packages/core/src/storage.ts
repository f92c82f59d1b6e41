import type { QanatError } from './errors.ts';

export interface StoredFile {
  /** Relative, `/` between folders, characters `a-z 0-9 . - _`: never made of names that came over the wire. */
  readonly name: string;
  /** The logical size in bytes: zeros that an adapter has written ahead do not count. */
  readonly size: number;
}

/** Ends a request: `error` is undefined when it succeeded, and only then is `result` valid. */
export type StorageDone<Result> = (error: QanatError | undefined, result: Result) => void;

/**
 * Keeps bytes in files. It knows no log. `done` is never called before the method has returned; requests on one file end in
 * the order in which they were made, but for a sync `beside` others.
 *
 * Every failure is a QanatError STORE_IO with the cause; after a failed `append` or `sync` the file's durable content is what
 * was synced before, and what follows is not known until it is read by a new instance.
 */
export interface Storage {
  list(done: StorageDone<readonly StoredFile[]>): void;
  /** Makes an empty file whose name survives a power cut. Fails when it exists. */
  create(name: string, done: StorageDone<void>): void;
  /**
   * Writes at the logical end. A short write is a failure. The bytes are the port's until `done`. They are durable only
   * after a `sync` that was requested later has ended.
   */
  append(name: string, parts: readonly Uint8Array[], done: StorageDone<void>): void;
  /**
   * Fewer bytes than asked for only at the logical end. The result is the caller's.
   * @param into memory of at least `length` bytes that the result may lie in; the port's until `done`.
   */
  read(name: string, position: number, length: number, done: StorageDone<Uint8Array>, into?: Uint8Array): void;
  /**
   * What was appended before is on stable storage.
   * @param beside appends and reads that are requested later do not wait for it, and may end before it. Default false.
   */
  sync(name: string, done: StorageDone<void>, beside?: boolean): void;
  /** Cuts the file to `size` bytes, durably. */
  truncate(name: string, size: number, done: StorageDone<void>): void;
  /** Removes the file, durably. Removing what is not there succeeds. */
  unlink(name: string, done: StorageDone<void>): void;
  /** Replaces the whole content of a small file, atomically and durably; makes the file where it is missing. */
  replace(name: string, bytes: Uint8Array, done: StorageDone<void>): void;
  /** Bytes that can still be written. */
  freeSpace(done: StorageDone<number>): void;
  /** Ends what is under way, then frees everything, the lock of the store included. */
  close(done: StorageDone<void>): void;
}

/** A request of an engine to its storage; the result comes back as the input `stored`. */
export type StorageRequest =
  | { readonly op: 'list' }
  | { readonly op: 'create'; readonly name: string }
  | { readonly op: 'append'; readonly name: string; readonly parts: readonly Uint8Array[] }
  | {
      readonly op: 'read';
      readonly name: string;
      readonly position: number;
      readonly length: number;
      readonly into?: Uint8Array | undefined;
    }
  | { readonly op: 'sync'; readonly name: string; readonly beside?: boolean }
  | { readonly op: 'truncate'; readonly name: string; readonly size: number }
  | { readonly op: 'unlink'; readonly name: string }
  | { readonly op: 'replace'; readonly name: string; readonly bytes: Uint8Array }
  | { readonly op: 'freeSpace' }
  | { readonly op: 'close' };

/** What each request gives back. */
export interface StorageResults {
  list: readonly StoredFile[];
  create: undefined;
  append: undefined;
  read: Uint8Array;
  sync: undefined;
  truncate: undefined;
  unlink: undefined;
  replace: undefined;
  freeSpace: number;
  close: undefined;
}

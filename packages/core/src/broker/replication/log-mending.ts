// A log that cannot go on as it is: that is noted in the file of the replica, and dealt with at its next start.
import type { EngineHost } from '../../context.ts';
import type { ReplicaLife } from '../../election/replica-life.ts';
import { QanatError } from '../../errors.ts';
import type { Platform } from '../../platform.ts';
import { beginLog, type LogBeginning } from '../log/begin-log.ts';
import type { OpenChange } from '../log/commit-log.ts';
import { runTask } from '../log/storage-task.ts';
import { type BegunLife, keepLife, type LogMend } from './replica-file.ts';
import { SnapshotFetch, type SnapshotFetchParts } from './snapshot-fetch.ts';

/** Who is master is asked so often, before a replica whose log is damaged gives up: it may be the master. */
const ASK_MASTER_MAX = 25;
const ASK_MASTER_MS = 200;

type Done = (error: QanatError | undefined) => void;

export interface LogMendingParts {
  readonly host: EngineHost;
  readonly platform: Platform;
  /** Name of the broker group. */
  readonly broker: string;
  readonly link: SnapshotFetchParts['link'];
  /** Whether another replica is master for certain; undefined: it is not known now. */
  readonly otherLeads: (done: (other: boolean | undefined) => void) => void;
  /** The process is to be ended with this error, and started again. */
  readonly restart: (error: QanatError) => void;
}

/** Whether a log could not be opened, or has failed, because its bytes are not what was written. */
export const isDamage = (error: QanatError): boolean =>
  [error, error.cause].some((one) => QanatError.is(one, 'CORRUPT_LOG') || QanatError.is(one, 'INVALID_ARGUMENT'));

/** What is done with the log of a slave that is damaged, or that its master cannot continue. A master's is left as it is. */
export class LogMending {
  readonly #parts: LogMendingParts;
  #life: ReplicaLife | undefined;
  #mend: LogMend | undefined;
  #fetch: SnapshotFetch | undefined;
  /** Of the master, once it is known. */
  #address: string | undefined;
  #stopped = false;

  constructor(parts: LogMendingParts) {
    this.#parts = parts;
  }

  /** A log is to be begun from a snapshot of the master before anything is opened. */
  get beginsAnew(): boolean {
    return this.#mend === 'anew';
  }

  begun({ life, mend }: BegunLife): void {
    this.#life = life;
    this.#mend = mend;
  }

  /** How the log is to be opened. */
  opening(storeId: Uint8Array | undefined): Partial<OpenChange> {
    const store = storeId === undefined ? {} : { newStoreId: storeId };
    if (this.#mend === 'cut') return { ...store, repair: 'cut' };
    return this.#mend === 'joins' ? { ...store, joins: true } : store;
  }

  /** The master listens there. */
  masterAt(address: string): void {
    this.#address = address;
    this.#fetch?.follow(address);
  }

  /** Fetches a snapshot of the master, and begins the log anew with it. Errors: STORE_IO; RECOVERY_REQUIRED without a record. */
  beginAnew(storeId: Uint8Array | undefined, done: Done): void {
    const { host, platform, broker, link } = this.#parts;
    if (storeId === undefined) return done(noRecord(broker));
    host.log('warn', 'replication.begins-anew', {});
    this.#fetch = new SnapshotFetch({ host, platform, broker, storeId, link, done: (found) => this.#begin(found, done) });
    if (this.#address !== undefined) this.#fetch.follow(this.#address);
  }

  /** The log has no entry yet: one of the group begins in its place, whichever store it was of. Errors: STORE_IO. */
  beginEmpty(storeId: Uint8Array, done: Done): void {
    const { host, platform } = this.#parts;
    runTask(host, beginLog(platform, { storeId, oldest: 0, chain: 0, snapshot: undefined }), done);
  }

  /** The log is open, and whole: nothing is to be mended any more. Errors: STORE_IO. */
  mended(done: Done): void {
    if (this.#mend === undefined) return done(undefined);
    return this.#keep(undefined, done);
  }

  /** The master's log begins behind the end of this one. */
  tooOld(oldest: number): void {
    this.#note('anew', `the master's log begins at position ${oldest}, behind the end of this one`, this.#parts.restart);
  }

  /** What was stored has rotted, at a slave. */
  rotten(error: QanatError): void {
    this.#note('cut', error.message, this.#parts.restart);
  }

  /** The log, or what was to be cut off it, is damaged. @param giveUp where this replica may be the master. */
  damaged(error: QanatError, giveUp: (error: QanatError) => void): void {
    this.#askWhoLeads(ASK_MASTER_MAX, (other) => {
      if (!other) return giveUp(error);
      // What is cut off and damaged still, or was never whole, is not worth another attempt.
      return this.#note(this.#mend === undefined ? 'cut' : 'anew', error.message, giveUp);
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#fetch?.stop();
  }

  #askWhoLeads(times: number, done: (other: boolean) => void): void {
    const { host, otherLeads } = this.#parts;
    otherLeads((other) => {
      if (this.#stopped) return;
      if (other !== undefined || times === 1) done(other === true);
      else host.timers.at(host.nowMs() + ASK_MASTER_MS, () => this.#askWhoLeads(times - 1, done));
    });
  }

  #note(mend: LogMend, why: string, failed: (error: QanatError) => void): void {
    this.#parts.host.log('error', 'replication.log.mends', { how: mend, why });
    this.#keep(mend, (error) => {
      if (error !== undefined) return failed(error);
      return this.#parts.restart(new QanatError('RESTART_REQUIRED', `the log of this replica is to be mended: ${why}`));
    });
  }

  #begin(found: LogBeginning, done: Done): void {
    const { host, platform } = this.#parts;
    this.#fetch = undefined;
    host.log('info', 'replication.snapshot.fetched', { position: found.snapshot?.position ?? 0, oldest: found.oldest });
    runTask(host, beginLog(platform, found), (error) => {
      if (error !== undefined) return done(error);
      return this.#keep(found.snapshot === undefined ? undefined : 'joins', done);
    });
  }

  #keep(mend: LogMend | undefined, done: Done): void {
    runTask(this.#parts.host, keepLife(this.#life as ReplicaLife, mend), (error) => {
      if (error === undefined) this.#mend = mend;
      done(error);
    });
  }
}

const noRecord = (broker: string): QanatError =>
  new QanatError('RECOVERY_REQUIRED', `the log is to begin anew from the master's, but nothing is on record of broker ${broker}`);

import type { Request } from '../connection/server-session.ts';
import type { EngineHost } from '../context.ts';
import { QanatError } from '../errors.ts';
import { checkName } from '../model/names.ts';
import type { StoredFile } from '../storage.ts';
import { GroupRecord } from '../wire/gen/replication-messages.ts';
import { decodeRecords, encodeRecords, RECORD_FILE } from './record-file.ts';

/** When a NameServer that reads its file is asked again. */
const NOT_READY_RETRY_MS = 200;

type Records = ReadonlyMap<string, GroupRecord>;
type Opened = (error: QanatError | undefined) => void;

/** A record that was taken, and who waits until it is durable. */
interface Taken {
  readonly broker: string;
  readonly record: GroupRecord;
  readonly requests: Request<'RECORD_PUT'>[];
}

/**
 * The records of broker groups, in one small file that is replaced as a whole (spec, chapter of broker registration). What is
 * read is durable, and what is put is answered once it is; puts that come during a write are the next one.
 */
export class GroupRecords {
  readonly #host: EngineHost;
  readonly #groupsMax: number;
  /** Durable; undefined until the file is read. */
  #held: Records | undefined;
  /** By group: what is being written, and what is written next. */
  #writing: Map<string, Taken> | undefined;
  #next = new Map<string, Taken>();

  /** @param groupsMax records of more broker groups are refused. */
  constructor(host: EngineHost, groupsMax: number) {
    this.#host = host;
    this.#groupsMax = groupsMax;
  }

  /** Reads the file. Errors: CORRUPT_LOG, STORE_IO. */
  open(done: Opened): void {
    this.#host.storage({ op: 'list' }, (error, files) => {
      if (error !== undefined) return done(error);
      const file = (files as readonly StoredFile[]).find(({ name }) => name === RECORD_FILE);
      if (file !== undefined) return this.#read(file.size, done);
      this.#held = new Map();
      return done(undefined);
    });
  }

  /** Takes a record above the one that is held, or the same once more (QNT-REG-032). */
  put(request: Request<'RECORD_PUT'>): void {
    const { broker } = request.header;
    const record = checkRecord(request.header);
    const held = this.#checkedHeld();
    const waiting = this.#next.get(broker) ?? this.#writing?.get(broker);
    const newest = waiting?.record ?? held.get(broker);
    if (newest !== undefined && sameRecord(newest, record)) {
      if (waiting === undefined) request.respond({});
      else waiting.requests.push(request);
      return;
    }
    if (newest !== undefined && !isAbove(record, newest)) throw fenced(broker, newest);
    if (newest === undefined) this.#checkRoom(held);
    // A record that was not yet written is superseded: who put it hears what becomes of the newer one, which speaks for both.
    const requests = this.#next.get(broker)?.requests ?? [];
    this.#next.set(broker, { broker, record, requests: [...requests, request] });
    this.#write();
  }

  /** Tells what is durable (QNT-REG-033). */
  get(request: Request<'RECORD_GET'>): void {
    checkBroker(request.header.broker);
    request.respond({ record: this.#checkedHeld().get(request.header.broker) });
  }

  #checkedHeld(): Records {
    if (this.#held !== undefined) return this.#held;
    throw new QanatError('NOT_READY', 'the NameServer reads its records', { retryAfterMs: NOT_READY_RETRY_MS });
  }

  #checkRoom(held: Records): void {
    const groups = new Set([...held.keys(), ...(this.#writing?.keys() ?? []), ...this.#next.keys()]);
    if (groups.size >= this.#groupsMax)
      throw new QanatError('LIMIT_EXCEEDED', `records of ${this.#groupsMax} broker groups are kept (BROKERS_MAX)`);
  }

  #read(size: number, done: Opened): void {
    this.#host.storage({ op: 'read', name: RECORD_FILE, position: 0, length: size }, (error, bytes) => {
      if (error !== undefined) return done(error);
      try {
        this.#held = decodeRecords(bytes as Uint8Array);
      } catch (damage) {
        if (!QanatError.is(damage)) throw damage;
        return done(damage);
      }
      return done(undefined);
    });
  }

  #write(): void {
    if (this.#writing !== undefined || this.#next.size === 0) return;
    const taken = this.#next;
    this.#writing = taken;
    this.#next = new Map();
    const records = new Map(this.#held);
    for (const { broker, record } of taken.values()) records.set(broker, record);
    this.#host.storage({ op: 'replace', name: RECORD_FILE, bytes: encodeRecords(records) }, (error) => {
      this.#writing = undefined;
      if (error === undefined) this.#held = records;
      else this.#host.log('error', 'name-server.records.failed', { code: error.code, error: error.message });
      for (const { requests } of taken.values()) for (const request of requests) answer(request, error);
      this.#write();
    });
  }
}

/** After a failed write nobody can tell whether the record is in the file (class 6). */
function answer(request: Request<'RECORD_PUT'>, error: QanatError | undefined): void {
  if (error === undefined) request.respond({});
  else request.fail(new QanatError('STORAGE_FAILED', `the record was not stored: ${error.message}`));
}

function checkBroker(broker: string): void {
  if (broker === '') throw new QanatError('INVALID_ARGUMENT', 'the name of the broker group is missing');
  checkName('broker', broker);
}

function checkRecord({ broker, record }: { readonly broker: string; readonly record: GroupRecord | undefined }): GroupRecord {
  checkBroker(broker);
  if (record === undefined || record.storeId.length === 0 || record.term === 0)
    throw new QanatError('INVALID_ARGUMENT', 'RecordPut.record has no store id or no term');
  return record;
}

/**
 * Versions go on from term to term: who is to become master must have read the newest record of the master before, or its own is
 * refused.
 */
const isAbove = (record: GroupRecord, held: GroupRecord): boolean =>
  record.version > held.version && (record.term > held.term || (record.term === held.term && record.master === held.master));

function sameRecord(a: GroupRecord, b: GroupRecord): boolean {
  const [one, other] = [GroupRecord.encode(a), GroupRecord.encode(b)];
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

const fenced = (broker: string, { term, version, master }: GroupRecord): QanatError =>
  new QanatError('TERM_FENCED', `broker ${broker} is on record with term ${term}, version ${version} and master ${master}`);

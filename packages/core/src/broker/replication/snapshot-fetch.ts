import type { ResponseDone } from '../../connection/request.ts';
import type { EngineHost } from '../../context.ts';
import type { QanatError } from '../../errors.ts';
import type { Platform } from '../../platform.ts';
import { sameBytes } from '../../security/scram.ts';
import type { Timer } from '../../timers.ts';
import { REPLICATION_REQUESTS, type SnapshotReadOk } from '../../wire/gen/replication-messages.ts';
import type { LogBeginning } from '../log/begin-log.ts';
import { decodeSnapshotFile } from '../log/snapshot-store.ts';

/** A master that does not answer within this time gets a new connection. */
const ANSWER_MS = 10_000;
/** After an answer that said no, or a snapshot that does not verify. */
const FETCH_AGAIN_MS = 500;
/** A snapshot is held in memory until it is written. */
const SNAPSHOT_FILE_BYTES_MAX = 2 ** 31 - 1;

/** What is needed of the connection to a master. */
export interface SnapshotSession {
  request(
    name: 'SNAPSHOT_READ',
    header: { readonly broker: string; readonly snapshot: number; readonly offset: number },
    options: { readonly timeoutMs: number; readonly codec: typeof REPLICATION_REQUESTS.SNAPSHOT_READ },
    done: ResponseDone<'SNAPSHOT_READ'>,
  ): void;
}

/** A connection to a master, made again and again until it is closed. */
export interface SnapshotLink {
  /** While requests can be sent. */
  readonly session: SnapshotSession | undefined;
  connect(): void;
  close(): void;
  suspect(error: QanatError): void;
}

export interface SnapshotFetchParts {
  readonly host: EngineHost;
  readonly platform: Platform;
  /** Name of the broker group. */
  readonly broker: string;
  /** Of the group's log. */
  readonly storeId: Uint8Array;
  readonly link: (address: string, events: { onOpen(): void; onClosed(error: QanatError | undefined): void }) => SnapshotLink;
  readonly done: (beginning: LogBeginning) => void;
}

/** The pieces of a snapshot, as far as they are there. */
interface Pieces {
  readonly position: number;
  readonly bytes: Uint8Array;
  length: number;
}

/** Fetches the newest snapshot of a master, piece after piece, until it has a whole one (spec, chapter of replication). */
export class SnapshotFetch {
  readonly #parts: SnapshotFetchParts;
  #address = '';
  #link: SnapshotLink | undefined;
  #pieces: Pieces | undefined;
  #again: Timer | undefined;

  constructor(parts: SnapshotFetchParts) {
    this.#parts = parts;
  }

  /** The master listens there. */
  follow(address: string): void {
    if (address === this.#address) return;
    this.stop();
    this.#address = address;
    // Another master's snapshot is another file, though it may be of the same position.
    this.#pieces = undefined;
    const link = this.#parts.link(address, {
      onOpen: () => {
        if (link === this.#link) this.#ask();
      },
      onClosed: () => this.#again?.cancel(),
    });
    this.#link = link;
    link.connect();
  }

  stop(): void {
    const link = this.#link;
    this.#link = undefined;
    this.#address = '';
    this.#again?.cancel();
    link?.close();
  }

  #ask(): void {
    const link = this.#link;
    const session = link?.session;
    if (session === undefined) return;
    const header = { broker: this.#parts.broker, snapshot: this.#pieces?.position ?? 0, offset: this.#pieces?.length ?? 0 };
    const options = { timeoutMs: ANSWER_MS, codec: REPLICATION_REQUESTS.SNAPSHOT_READ };
    session.request('SNAPSHOT_READ', header, options, (error, response) => {
      if (link !== this.#link || session !== link?.session) return;
      if (error === undefined) this.#take(response.header, response.payload);
      else if (error.code === 'TIMEOUT') link.suspect(error);
      else this.#beginAgain(error.message);
    });
  }

  #take(header: SnapshotReadOk, piece: Uint8Array): void {
    const { snapshot: position, size, oldest, chain } = header;
    if (oldest === 0) return this.#done({ storeId: this.#parts.storeId, oldest, chain, snapshot: undefined });
    if (size > SNAPSHOT_FILE_BYTES_MAX) return this.#beginAgain(`a snapshot of ${size} bytes is too long`);
    this.#pieces ??= { position, bytes: new Uint8Array(size), length: 0 };
    const pieces = this.#pieces;
    const fits = position === pieces.position && size === pieces.bytes.length && pieces.length + piece.length <= size;
    if (!fits || piece.length === 0) return this.#beginAgain('the pieces do not make one snapshot');
    pieces.bytes.set(piece, pieces.length);
    pieces.length += piece.length;
    if (pieces.length < size) return this.#ask();
    return this.#verify(pieces, oldest, chain);
  }

  #verify({ position, bytes }: Pieces, oldest: number, chain: number): void {
    const { storeId, platform } = this.#parts;
    const snapshot = decodeSnapshotFile(platform, bytes);
    const isWanted = snapshot?.position === position && oldest <= position && sameBytes(snapshot.storeId, storeId);
    if (!isWanted) return this.#beginAgain('the snapshot is damaged, or of another log');
    return this.#done({ storeId, oldest, chain, snapshot: { position, term: snapshot.term, bytes } });
  }

  #done(beginning: LogBeginning): void {
    this.stop();
    this.#parts.done(beginning);
  }

  #beginAgain(why: string): void {
    const { host } = this.#parts;
    host.log('warn', 'replication.snapshot.again', { address: this.#address, why });
    this.#pieces = undefined;
    this.#again?.cancel();
    this.#again = host.timers.at(host.nowMs() + FETCH_AGAIN_MS, () => this.#ask());
  }
}

import type { Request, ServerSession } from '../../connection/server-session.ts';
import { QanatError } from '../../errors.ts';
import { LIMITS } from '../../wire/gen/registry.ts';
import type { CommitLog } from '../log/commit-log.ts';
import type { CatchUp } from './catch-up.ts';
import { HEAD_BYTES_MAX } from './master.ts';

/** Gives slaves the newest snapshot of this replica, a piece for each request (spec, chapter of replication). */
export class SnapshotServer {
  readonly #broker: string;
  readonly #log: CommitLog;
  readonly #catchUp: CatchUp;
  /** Connections for which a piece is being read. */
  readonly #reading = new Set<ServerSession>();

  /** @param broker name of the broker group. */
  constructor(broker: string, log: CommitLog, catchUp: CatchUp) {
    this.#broker = broker;
    this.#log = log;
    this.#catchUp = catchUp;
  }

  /** SNAPSHOT_READ. @param refusal why this replica is no master. @throws QanatError NOT_MASTER, WRONG_BROKER, LIMIT_EXCEEDED. */
  read(request: Request<'SNAPSHOT_READ'>, refusal: QanatError | undefined): void {
    if (request.oneWay) return;
    if (refusal !== undefined) throw new QanatError('NOT_MASTER', refusal.message);
    const { session, header } = request;
    if (header.broker !== this.#broker) throw new QanatError('WRONG_BROKER', `this is not the broker ${header.broker}`);
    // What a slave asks for beside the piece that it waits for would only take memory.
    if (this.#reading.has(session)) throw new QanatError('LIMIT_EXCEEDED', 'one piece of a snapshot at a time');
    this.#reading.add(session);
    this.#catchUp.take((spent) => this.#readPiece(request, spent));
  }

  #readPiece(request: Request<'SNAPSHOT_READ'>, spent: (bytes: number) => void): void {
    const { session, header } = request;
    const room = session.frameBytesMax - HEAD_BYTES_MAX;
    const asked = header.maxBytes || LIMITS.REPLICATE_BYTES_MAX;
    const bytesMax = Math.min(asked, LIMITS.REPLICATE_BYTES_MAX, room, this.#catchUp.pieceBytesMax);
    this.#log.readSnapshot(header.snapshot, header.offset, bytesMax, (error, piece) => {
      this.#reading.delete(session);
      spent(piece?.bytes.length ?? 0);
      if (piece === undefined) return request.fail(error as QanatError);
      const { oldestPosition: oldest, chainBefore: chain } = this.#log;
      return request.respond({ snapshot: piece.position, size: piece.size, oldest, chain }, [piece.bytes]);
    });
  }
}

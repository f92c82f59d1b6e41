import type { ConsensusDone, ConsensusRequest, ConsensusResults } from './election/consensus.ts';
import type { ConnectionId, Input, LogFields, LogLevel, Output } from './engine.ts';
import { assert, type QanatError } from './errors.ts';
import type { Random } from './random.ts';
import type { KeyRequest } from './security/scram-client.ts';
import type { StorageRequest } from './storage.ts';
import { Timers } from './timers.ts';

type OperationDone = (error: QanatError | undefined, result: unknown) => void;
type KeyDone = (error: QanatError | undefined, key: Uint8Array | undefined) => void;

/** What the parts of an engine may use. */
export interface EngineHost {
  readonly timers: Timers;
  readonly random: Random;
  /** The monotonic time of the present input. */
  nowMs(): number;
  /** The wall clock at the present input, whole milliseconds since 1970; may step. */
  wallMs(): number;
  emit(output: Output): void;
  log(level: LogLevel, event: string, fields?: LogFields): void;
  /** Draws the number of a connection and asks for it. */
  connect(address: string): ConnectionId;
  storage(request: StorageRequest, done: OperationDone): void;
  consensus<R extends ConsensusRequest>(request: R, done: ConsensusDone<ConsensusResults[R['op']]>): void;
  /** Asks for a key; one of the arguments of `done` is undefined. */
  deriveKey(request: KeyRequest, done: KeyDone): void;
}

/**
 * What every part of one engine shares: the time, the timers, the outputs, and the requests and keys under way. An engine calls
 * `enter` first in `handle` and `tick`; its parts see only its EngineHost.
 */
export class EngineContext<ExtraOutput = never> implements EngineHost {
  readonly timers: Timers = new Timers();
  readonly random: Random;
  #nowMs = 0;
  #wallOffsetMs = 0;
  #outputs: (Output | ExtraOutput)[] = [];
  #operations = new Map<number, OperationDone>();
  #nextOperation = 1;
  #nextConnection = 1;

  constructor(random: Random) {
    this.random = random;
  }

  enter(nowMs: number): void {
    if (nowMs > this.#nowMs) this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return Math.max(0, Math.floor(this.#nowMs + this.#wallOffsetMs));
  }

  emit(output: Output | ExtraOutput): void {
    this.#outputs.push(output);
  }

  drain(): readonly (Output | ExtraOutput)[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  log(level: LogLevel, event: string, fields: LogFields = {}): void {
    this.#outputs.push({ kind: 'log', level, event, fields });
  }

  connect(address: string): ConnectionId {
    const connection = this.#nextConnection;
    this.#nextConnection += 2;
    this.#outputs.push({ kind: 'connect', connection, address });
    return connection;
  }

  storage(request: StorageRequest, done: OperationDone): void {
    this.#outputs.push({ kind: 'storage', operation: this.#begin(done), request });
  }

  consensus<R extends ConsensusRequest>(request: R, done: ConsensusDone<ConsensusResults[R['op']]>): void {
    this.#outputs.push({ kind: 'consensus', operation: this.#begin(done as OperationDone), request });
  }

  deriveKey(request: KeyRequest, done: KeyDone): void {
    this.#outputs.push({ kind: 'deriveKey', operation: this.#begin(done as OperationDone), request });
  }

  #begin(done: OperationDone): number {
    const operation = this.#nextOperation++;
    this.#operations.set(operation, done);
    return operation;
  }

  /**
   * Runs what waits for a request to a store or for a key, or takes the new offset of the wall clock. @returns whether the input
   * was one of these.
   */
  handle(input: Input): boolean {
    if (input.kind === 'wallClock') {
      this.#wallOffsetMs = input.offsetMs;
      return true;
    }
    if (input.kind !== 'stored' && input.kind !== 'derived' && input.kind !== 'decided') return false;
    const done = this.#operations.get(input.operation);
    assert(done !== undefined, `operation ${input.operation} was not asked for`);
    this.#operations.delete(input.operation);
    done(input.error, input.result);
    return true;
  }
}

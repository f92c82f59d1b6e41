import type { Clock } from '../clock.ts';
import type { ConsensusRequest, ConsensusStore } from '../election/consensus.ts';
import type { ConnectionId, Engine, Input, LogFields, LogLevel, Output } from '../engine.ts';
import { assert, QanatError } from '../errors.ts';
import { schemeOf } from '../scheme.ts';
import type { KeyRequest } from '../security/scram-client.ts';
import { SmallSet } from '../small-set.ts';
import type { Storage, StorageDone, StorageRequest } from '../storage.ts';
import { startStorageRequest } from '../storage-request.ts';
import type { Connection, ConnectionHandler, Listener, Transport } from '../transport.ts';

/** The wall clock moved against the monotonic one by more than this: the engine is told. */
const WALL_STEP_MS = 50;

/**
 * Derives 32 bytes from a password by PBKDF2-HMAC-SHA-256 (RFC 8018), without keeping anything else from running. `done` is
 * called once, in a later turn.
 */
export type DeriveKey = (request: KeyRequest, done: (error: QanatError | undefined, key?: Uint8Array) => void) => void;

export interface DriverOptions<ExtraOutput> {
  readonly clock: Clock;
  /** Found by the scheme of an address; the first one serves addresses without a scheme. */
  readonly transports: readonly Transport[];
  readonly storage?: Storage;
  /** For brokers that elect their master. */
  readonly consensus?: ConsensusStore;
  /** For engines that log in with a password. */
  readonly deriveKey?: DeriveKey;
  /** Outputs that the driver does not know. */
  onOutput?(output: ExtraOutput): void;
  onReady?(): void;
  onStopped?(): void;
  /** The engine cannot go on, or threw: a defect. The driver has stopped. */
  onFatal?(error: QanatError): void;
  onLog?(level: LogLevel, event: string, fields: LogFields): void;
}

/**
 * Binds one engine to the ports. It starts the engine's outputs in order, feeds it what happens and keeps its one timer. This
 * is all that is asynchronous in the core; there is no promise in it, so that a virtual clock can run it step by step.
 */
export class Driver<ExtraInput = never, ExtraOutput = never> {
  readonly #engine: Engine<ExtraInput, ExtraOutput>;
  readonly #options: DriverOptions<ExtraOutput>;
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #touched = new SmallSet<Connection>();
  #nextAccepted: ConnectionId = 2;
  #cancelTimer: (() => void) | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #wallOffsetMs = Number.NaN;
  #running = false;
  #stopped = false;

  constructor(engine: Engine<ExtraInput, ExtraOutput>, options: DriverOptions<ExtraOutput>) {
    this.#engine = engine;
    this.#options = options;
  }

  /** Begins: the engine hears the wall clock and may act. */
  start(): void {
    this.#step(() => {});
  }

  /** Gives the engine an input of its own and performs what it asks for. */
  input(input: ExtraInput): void {
    this.#step((nowMs) => this.#engine.handle(input, nowMs));
  }

  /**
   * Calls into the engine at the present time; what it asks for is performed by the next `perform`. For many small calls in a
   * row.
   */
  enter(call: (nowMs: number) => void): void {
    call(this.begin());
  }

  /**
   * The present time, for calls into the engine; what they ask for is performed by the next `perform`.
   * @param again the wall clock was looked at in this turn already. @throws QanatError CLOSED after the end.
   */
  begin(again = false): number {
    if (this.#stopped) throw new QanatError('CLOSED', 'the engine has stopped', { outcome: 'not-sent' });
    return again ? this.#options.clock.nowMs() : this.#now();
  }

  /** Accepts connections for the engine. */
  listen(
    transport: Transport,
    address: string,
    name: string,
    done: (error: QanatError | undefined, listener: Listener | undefined) => void,
  ): void {
    transport.listen(address, (connection) => this.#accept(connection, name), done);
  }

  /**
   * Drops every connection and runs nothing any more: what a killed process does. Pending storage requests are not waited for.
   */
  kill(error: QanatError): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#cancelTimer?.();
    for (const connection of this.#connections.values()) connection.abort(error);
    this.#connections.clear();
  }

  #accept(connection: Connection, listener: string): ConnectionHandler {
    const id = this.#nextAccepted;
    this.#nextAccepted += 2;
    if (this.#stopped) {
      connection.abort(new QanatError('CLOSED', 'the server has stopped'));
      return IGNORE;
    }
    this.#connections.set(id, connection);
    const { remote, certificateNames } = connection;
    this.#step((nowMs) => this.#engine.handle({ kind: 'accepted', connection: id, remote, listener, certificateNames }, nowMs));
    return this.#handler(id);
  }

  /** Frames that arrive together are answered together: outputs wait for `onFramesEnd`. */
  #handler(id: ConnectionId): ConnectionHandler {
    const give = (input: Input): void => this.#step((nowMs) => this.#engine.handle(input, nowMs));
    return {
      onOpen: () => give({ kind: 'opened', connection: id }),
      onFrame: (frame) => this.#handleOnly({ kind: 'frame', connection: id, frame }),
      onFramesEnd: () => this.perform(),
      onBadBytes: (error) => give({ kind: 'badBytes', connection: id, error }),
      onDrain: () => give({ kind: 'drained', connection: id }),
      onClose: (error) => {
        this.#connections.delete(id);
        give({ kind: 'closed', connection: id, error });
      },
    };
  }

  #step(handle: (nowMs: number) => void): void {
    if (this.#stopped) return;
    this.#guard(() => handle(this.#now()));
    this.perform();
  }

  #handleOnly(input: Input): void {
    if (this.#stopped) return;
    this.#guard(() => this.#engine.handle(input, this.#now()));
  }

  /** The present time; the engine hears before when the wall clock has moved against it. */
  #now(): number {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    const offsetMs = clock.wallMs() - nowMs;
    if (!(Math.abs(offsetMs - this.#wallOffsetMs) <= WALL_STEP_MS)) {
      this.#wallOffsetMs = offsetMs;
      this.#engine.handle({ kind: 'wallClock', offsetMs }, nowMs);
    }
    return nowMs;
  }

  /** Performs outputs until there are none: an output may cause inputs at once. */
  perform(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    this.#guard(() => {
      for (let outputs = this.#engine.drain(); outputs.length > 0 && !this.#stopped; outputs = this.#engine.drain()) {
        for (const output of outputs) this.#start(output);
      }
      for (const connection of this.#touched.take()) connection.flush();
    });
    this.#running = false;
    if (!this.#stopped) this.#arm();
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (cause) {
      const error = QanatError.is(cause) ? cause : new QanatError('INTERNAL', `the engine failed: ${String(cause)}`, { cause });
      this.#fatal(error);
    }
  }

  #fatal(error: QanatError): void {
    if (this.#stopped) return;
    this.kill(error);
    this.#options.onFatal?.(error);
  }

  #start(output: Output | ExtraOutput): void {
    const known = output as Output;
    switch (known.kind) {
      case 'send':
        return this.#send(known.connection, known.parts, known.lent);
      case 'storage':
        return this.#store(known.operation, known.request);
      case 'consensus':
        return this.#ask(known.operation, known.request);
      case 'deriveKey':
        return this.#derive(known.operation, known.request);
      case 'connect':
        return this.#connect(known.connection, known.address);
      case 'close':
      case 'abort':
      case 'frameLimit':
      case 'reading':
        return this.#control(known);
      case 'log':
        return this.#options.onLog?.(known.level, known.event, known.fields);
      case 'ready':
        return this.#options.onReady?.();
      case 'stopped':
        this.kill(new QanatError('CLOSED', 'stopped'));
        return this.#options.onStopped?.();
      case 'fatal':
        return this.#fatal(known.error);
      default:
        return this.#options.onOutput?.(output as ExtraOutput);
    }
  }

  #send(id: ConnectionId, parts: readonly Uint8Array[], lent: boolean | undefined): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    this.#touched.add(connection);
    if (!connection.send(parts, lent)) this.#handleOnly({ kind: 'blocked', connection: id });
  }

  #control(output: Extract<Output, { kind: 'close' | 'abort' | 'frameLimit' | 'reading' }>): void {
    const connection = this.#connections.get(output.connection);
    if (connection === undefined) return;
    if (output.kind === 'frameLimit') connection.setFrameBytesMax(output.bytes);
    else if (output.kind === 'reading') connection.setReading(output.on);
    else if (output.kind === 'abort') connection.abort(output.error);
    else {
      connection.flush();
      connection.close();
    }
  }

  #connect(id: ConnectionId, address: string): void {
    const scheme = schemeOf(address);
    const transport = this.#options.transports.find((t) => scheme === undefined || t.schemes.includes(scheme));
    if (transport === undefined) {
      const error = new QanatError('BAD_CONFIG', `no transport for ${address}`, { outcome: 'not-sent' });
      return this.#later(() => this.#engine.handle({ kind: 'closed', connection: id, error }, this.#options.clock.nowMs()));
    }
    this.#connections.set(id, transport.dial(address, this.#handler(id)));
  }

  #later(run: () => void): void {
    this.#options.clock.at(this.#options.clock.nowMs(), () => this.#step(run));
  }

  #store(operation: number, request: StorageRequest): void {
    const storage = this.#options.storage;
    assert(storage !== undefined, 'the engine needs a storage');
    const done: StorageDone<unknown> = (error, result) =>
      this.#step((nowMs) => this.#engine.handle({ kind: 'stored', operation, error, result }, nowMs));
    startStorageRequest(storage, request, done);
  }

  #ask(operation: number, request: ConsensusRequest): void {
    const { consensus } = this.#options;
    assert(consensus !== undefined, 'the engine needs a consensus store');
    consensus.start(request, (error, result) =>
      this.#step((nowMs) => this.#engine.handle({ kind: 'decided', operation, error, result }, nowMs)),
    );
  }

  #derive(operation: number, request: KeyRequest): void {
    const { deriveKey } = this.#options;
    assert(deriveKey !== undefined, 'the engine needs a derivation of keys');
    deriveKey(request, (error, result) =>
      this.#step((nowMs) => this.#engine.handle({ kind: 'derived', operation, error, result }, nowMs)),
    );
  }

  /** One timer for the engine's next deadline. */
  #arm(): void {
    const nextMs = this.#engine.nextDeadlineMs() ?? Number.POSITIVE_INFINITY;
    if (nextMs === this.#timerMs) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerMs = nextMs;
    if (nextMs === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer = this.#options.clock.at(nextMs, () => {
      this.#timerMs = Number.POSITIVE_INFINITY;
      this.#step((nowMs) => this.#engine.tick(nowMs));
    });
  }
}

const IGNORE: ConnectionHandler = { onOpen() {}, onFrame() {}, onFramesEnd() {}, onBadBytes() {}, onDrain() {}, onClose() {} };

import type { QanatError } from '../errors.ts';
import type { Connection, ConnectionHandler } from '../transport.ts';

/** A handler that keeps what it hears, and every breach of the rules of the port. */
export class Recorder implements ConnectionHandler {
  readonly breaches: string[] = [];
  readonly frames: Uint8Array[] = [];
  readonly badBytes: QanatError[] = [];
  readonly closes: (QanatError | undefined)[] = [];
  opens = 0;
  frameBytes = 0;
  framesEnds = 0;
  drains = 0;
  /** Runs with every frame. */
  whenFrame: ((frame: Uint8Array) => void) | undefined;
  #framesSinceEnd = 0;
  #owed = 0;
  #busy: string | undefined = 'dial or accept';
  #connection: Connection | undefined;

  /** The method that gave the connection has returned. */
  attach(connection: Connection): void {
    this.#connection = connection;
    this.#busy = undefined;
  }

  get connection(): Connection {
    if (this.#connection === undefined) throw new Error('there is no connection');
    return this.#connection;
  }

  /** Sends and notes when the connection owes an onDrain. */
  send(...parts: Uint8Array[]): boolean {
    const more = this.#during('send', () => this.connection.send(parts));
    if (!more) this.#owed = 1;
    return more;
  }

  /** Sends parts that are overwritten as soon as `send` has returned. */
  lend(...parts: Uint8Array[]): boolean {
    const more = this.#during('send', () => this.connection.send(parts, true));
    for (const part of parts) part.fill(0xdd);
    if (!more) this.#owed = 1;
    return more;
  }

  flush(): void {
    this.#during('flush', () => this.connection.flush());
  }

  close(): void {
    this.#during('close', () => this.connection.close());
  }

  abort(error: QanatError): void {
    this.#during('abort', () => this.connection.abort(error));
  }

  onOpen(): void {
    this.#heard('onOpen');
    if (this.#framesSinceEnd > 0 || this.frames.length > 0) this.breaches.push('onOpen after a frame');
    this.opens++;
  }

  onFrame(frame: Uint8Array): void {
    this.#heard('onFrame');
    // Those of an accepted connection are gone when this returns.
    this.frames.push(frame.slice());
    this.frameBytes += frame.length;
    this.#framesSinceEnd++;
    this.whenFrame?.(frame);
  }

  onFramesEnd(): void {
    this.#heard('onFramesEnd');
    if (this.#framesSinceEnd === 0) this.breaches.push('onFramesEnd without a frame');
    this.#framesSinceEnd = 0;
    this.framesEnds++;
  }

  onBadBytes(error: QanatError): void {
    this.#heard('onBadBytes');
    this.badBytes.push(error);
  }

  onDrain(): void {
    this.#heard('onDrain');
    if (this.#owed === 0) this.breaches.push('onDrain that nobody waits for');
    this.#owed = 0;
    this.drains++;
  }

  onClose(error: QanatError | undefined): void {
    this.#heard('onClose');
    this.closes.push(error);
  }

  #during<Result>(name: string, call: () => Result): Result {
    const before = this.#busy;
    this.#busy = name;
    const result = call();
    this.#busy = before;
    return result;
  }

  #heard(name: string): void {
    if (this.#busy !== undefined) this.breaches.push(`${name} was called from within ${this.#busy}`);
    if (this.closes.length > 0) this.breaches.push(`${name} came after onClose`);
    if (this.badBytes.length > 0 && name === 'onFrame') this.breaches.push('a frame came after bad bytes');
  }
}

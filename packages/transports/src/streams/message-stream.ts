import { type Connection, type ConnectionHandler, QanatError } from '@qanat/core';
import type { ByteStream } from './byte-stream.ts';
import type { StreamSurroundings } from './socket-stream.ts';

const ABORTED = new QanatError('CONNECTION_LOST', 'this side dropped the connection');

/** A stream of bytes in the binary messages of a WebSocket, which may share messages and span them. */
export class MessageStream implements ByteStream, ConnectionHandler {
  number = 0;
  readonly #around: StreamSurroundings;
  readonly #connection: Connection;
  readonly #refused: (remote: string, error: QanatError) => void;
  #waits = false;
  #closing = false;

  /** @param refused hears of bytes that are no binary messages. */
  constructor(around: StreamSurroundings, connection: Connection, refused: (remote: string, error: QanatError) => void) {
    this.#around = around;
    this.#connection = connection;
    this.#refused = refused;
  }

  get remote(): string {
    return this.#connection.remote;
  }

  get secure(): boolean {
    return this.#around.secure;
  }

  get certificateNames(): readonly string[] | undefined {
    return this.#connection.certificateNames;
  }

  send(bytes: Uint8Array): boolean {
    if (this.#closing) return true;
    if (!this.#waits) {
      this.#waits = true;
      this.#around.flusher.add(this);
    }
    return this.#connection.send([bytes]);
  }

  flush(): void {
    this.#waits = false;
    this.#connection.flush();
  }

  setReading(on: boolean): void {
    this.#connection.setReading(on);
  }

  close(): void {
    this.#closing = true;
    this.#connection.close();
  }

  abort(): void {
    this.#closing = true;
    this.#connection.abort(ABORTED);
  }

  onOpen(): void {
    // Of dialled connections only.
  }

  onFrame(bytes: Uint8Array): void {
    // They hold only until this returns.
    if (!this.#closing) this.#around.owner.received(this, new Uint8Array(bytes));
  }

  onFramesEnd(): void {
    // Answers leave with the flush of this turn.
  }

  onBadBytes(error: QanatError): void {
    this.#refused(this.remote, error);
    this.#closing = true;
    this.#connection.abort(error);
  }

  onDrain(): void {
    if (!this.#closing) this.#around.owner.drained(this);
  }

  onClose(): void {
    this.#closing = true;
    this.#around.owner.closed(this);
  }
}

import { QanatError } from '@qanat/core';
import type { Link, LinkHandler } from '../../ground/ground.ts';
import { VirtualGround } from '../../ground/virtual-ground.ts';

const LATENCY_MS = 0.2;

/** The end of a server of a stream of bytes. */
export interface ServerEnd {
  /** Sends bytes; they must not change afterwards. */
  write(bytes: Uint8Array): void;
  /** Ends the stream behind what was written. */
  end(): void;
  /** Bytes that the device has not read. */
  readonly unreadBytes: number;
  onBytes: (bytes: Uint8Array) => void;
  onClose: () => void;
}

/** Virtual time with streams of any bytes: the other one has frames of Qanat alone. */
export class StreamGround extends VirtualGround {
  #accept: ((end: ServerEnd) => void) | undefined;

  /** One server listens, wherever a device dials to. */
  listen(accept: (end: ServerEnd) => void): void {
    this.#accept = accept;
  }

  override dial(_address: string, handler: LinkHandler): Link {
    const stream = new Stream(this, handler);
    this.later(() => stream.open(this.#accept));
    return stream;
  }

  later(run: () => void): void {
    this.clock.at(this.clock.nowMs() + LATENCY_MS, run);
  }
}

class Stream implements Link {
  readonly #ground: StreamGround;
  readonly #handler: LinkHandler;
  #server: ServerEnd | undefined;
  #isClosed = false;
  #isReading = true;
  /** What came while the device did not read. */
  readonly #unread: (() => void)[] = [];
  #unreadBytes = 0;

  constructor(ground: StreamGround, handler: LinkHandler) {
    this.#ground = ground;
    this.#handler = handler;
  }

  open(accept: ((end: ServerEnd) => void) | undefined): void {
    if (this.#isClosed) return;
    if (accept === undefined) return this.#close(new QanatError('CONNECTION_FAILED', 'nothing listens'));
    const unreadBytes = (): number => this.#unreadBytes;
    this.#server = {
      write: (bytes) => this.#written(bytes),
      get unreadBytes() {
        return unreadBytes();
      },
      end: () => this.#toDevice(() => this.#close(undefined)),
      onBytes: () => {},
      onClose: () => {},
    };
    accept(this.#server);
    this.#handler.onOpen();
  }

  write(bytes: Uint8Array): void {
    this.#ground.later(() => {
      if (!this.#isClosed) this.#server?.onBytes(bytes);
    });
  }

  end(): void {
    this.#ground.later(() => this.#close(undefined));
  }

  destroy(): void {
    this.#close(undefined);
  }

  setReading(on: boolean): void {
    this.#isReading = on;
    if (on) for (const come of this.#unread.splice(0)) this.#toDevice(come);
  }

  #written(bytes: Uint8Array): void {
    this.#unreadBytes += bytes.length;
    this.#toDevice(() => {
      this.#unreadBytes -= bytes.length;
      this.#handler.onBytes(bytes);
    });
  }

  #toDevice(come: () => void): void {
    this.#ground.later(() => {
      if (this.#isClosed) return;
      if (this.#isReading) come();
      else this.#unread.push(come);
    });
  }

  #close(error: QanatError | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const server = this.#server;
    this.#ground.later(() => server?.onClose());
    this.#handler.onClose(error);
  }
}

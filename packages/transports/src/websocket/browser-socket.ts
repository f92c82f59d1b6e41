import { HIGH_WATER_BYTES, QanatError } from '@qanat/core';
import { CloseCode } from './close-codes.ts';
import { MessageOutbox } from './message-outbox.ts';
import { type MessageListener, type MessageSocket, SUBPROTOCOL } from './message-socket.ts';

/** What is used of the interface WebSocket of browsers (WHATWG WebSockets). */
export interface BrowserWebSocket {
  binaryType: string;
  readonly protocol: string;
  readonly bufferedAmount: number;
  addEventListener(type: string, listener: (event: never) => void): void;
  send(message: Uint8Array): void;
  close(code?: number, reason?: string): void;
}

/** Browsers tell nobody that what was sent has left: it is looked at so often. */
const LOOK_MS = 4;

/** Runs in a later turn. A timer would do it once a second only, in a page that is hidden. */
export function browserLater(run: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', () => {
    port1.close();
    run();
  });
  port1.start();
  port2.postMessage(0);
}

/** The WebSocket of a browser. It can neither stop reading nor reset its connection, and tells nothing of why it does not open. */
export class BrowserSocket implements MessageSocket {
  readonly #socket: BrowserWebSocket;
  readonly #listener: MessageListener;
  readonly #outbox = new MessageOutbox();
  #open = false;
  #gone = false;
  #look: ReturnType<typeof setTimeout> | undefined;
  /** To be closed once everything has been handed over. */
  #closing = false;

  constructor(socket: BrowserWebSocket, listener: MessageListener, whyClosed: () => QanatError) {
    this.#socket = socket;
    this.#listener = listener;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('open', () => this.#onOpen());
    socket.addEventListener('message', (event: { readonly data: unknown }) => this.#onMessage(event.data));
    socket.addEventListener('close', ({ code, reason }: { readonly code: number; readonly reason: string }) =>
      this.#ended(code, reason, this.#open ? undefined : whyClosed()),
    );
    // Says nothing that `close` does not say; a listener of its own keeps some environments from throwing.
    socket.addEventListener('error', () => undefined);
  }

  get bufferedBytes(): number {
    return this.#outbox.bytes + this.#socket.bufferedAmount;
  }

  push(parts: readonly Uint8Array[], lent: boolean): void {
    this.#outbox.push(parts, lent);
  }

  flush(): void {
    if (!this.#open || this.#gone) return;
    this.#hand();
    if (this.bufferedBytes > 0 || this.#closing) this.#lookLater();
  }

  setReading(): void {
    // Messages come all the same; the connection keeps them.
  }

  /** Browsers let a page say no other code of the protocol's own than that of a clean end. */
  close(): void {
    this.#closing = true;
    this.flush();
  }

  drop(): void {
    this.#outbox.clear();
    this.#socket.close(...(this.#open ? [CloseCode.ABORTED] : []));
    browserLater(() => this.#ended(CloseCode.ABNORMAL, ''));
  }

  #onOpen(): void {
    if (this.#gone) return;
    this.#open = true;
    if (this.#socket.protocol === SUBPROTOCOL) return this.#listener.opened();
    this.#socket.close();
    const why = `the server does not speak the subprotocol ${SUBPROTOCOL}`;
    this.#ended(CloseCode.ABNORMAL, '', new QanatError('UNSUPPORTED_VERSION', why));
  }

  #onMessage(data: unknown): void {
    if (this.#gone) return;
    const message =
      data instanceof ArrayBuffer ? new Uint8Array(data) : new QanatError('MALFORMED_FRAME', 'a text message: frames are binary');
    this.#listener.message(message);
    this.#listener.messagesEnd();
  }

  /** What waits here can still be dropped, and what the browser has cannot: it gets no more than it needs. */
  #hand(): void {
    while (this.#socket.bufferedAmount < HIGH_WATER_BYTES) {
      const message = this.#outbox.take();
      if (message === undefined) break;
      this.#socket.send(message);
    }
    if (this.#closing && this.#outbox.bytes === 0) this.#socket.close(CloseCode.NORMAL);
  }

  #lookLater(): void {
    this.#look ??= setTimeout(() => {
      this.#look = undefined;
      if (this.#gone) return;
      this.flush();
      this.#listener.sent();
    }, LOOK_MS);
  }

  #ended(code: number, reason: string, failure?: QanatError): void {
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#look);
    this.#listener.closed(code, reason, failure);
  }
}

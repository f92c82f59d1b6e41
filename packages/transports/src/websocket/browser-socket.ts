import { HIGH_WATER_BYTES, joinParts, QanatError } from '@qanat/core';
import { CloseCode } from './close-codes.ts';
import { MessageOutbox } from './message-outbox.ts';
import { textRefused } from './message-rules.ts';
import { type MessageListener, type MessageSocket, SUBPROTOCOL } from './message-socket.ts';
import { WholeMessages } from './whole-messages.ts';

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

/** The WebSocket of a browser: it can neither stop reading nor reset a connection, and hides why one does not open. */
export class BrowserSocket implements MessageSocket {
  readonly inbox: WholeMessages = new WholeMessages();
  readonly #socket: BrowserWebSocket;
  readonly #listener: MessageListener;
  readonly #outbox = new MessageOutbox();
  #open = false;
  /** The browser has ended the connection. */
  #ended = false;
  /** The owner was told of the end. */
  #gone = false;
  /** To be closed once everything has been handed over. */
  #closing = false;
  #look: ReturnType<typeof setTimeout> | undefined;

  /** @param whyNot says what is known when the connection does not open. */
  constructor(socket: BrowserWebSocket, listener: MessageListener, whyNot: () => QanatError) {
    this.#socket = socket;
    this.#listener = listener;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('open', () => this.#onOpen());
    socket.addEventListener('message', (event: { readonly data: unknown }) => this.#onMessage(event.data));
    socket.addEventListener('close', ({ code, reason }: { readonly code: number; readonly reason: string }) =>
      this.#onClose(code, reason, whyNot),
    );
    // It says nothing that `close` does not say; without a listener some environments throw.
    socket.addEventListener('error', () => undefined);
  }

  get bufferedBytes(): number {
    return this.#outbox.bytes + this.#socket.bufferedAmount;
  }

  push(parts: readonly Uint8Array[], lent: boolean): void {
    this.#outbox.push(parts, lent);
  }

  flush(): void {
    if (!this.#open || this.#ended) return;
    if (this.bufferedBytes > 0 || this.#closing) this.#lookLater();
    this.#hand();
  }

  setReading(): void {
    // Messages come all the same; the inbox keeps them.
  }

  /** Browsers let a page say no other code of the protocol's own than that of a clean end. */
  close(): void {
    if (this.#ended) return browserLater(() => this.#leave());
    this.#closing = true;
    this.flush();
  }

  drop(): void {
    this.#outbox.clear();
    if (!this.#ended) this.#socket.close(...(this.#open ? [CloseCode.ABORTED] : []));
    this.#ended = true;
    browserLater(() => this.#leave());
  }

  #onOpen(): void {
    if (this.#ended) return;
    this.#open = true;
    if (this.#socket.protocol === SUBPROTOCOL) return this.#listener.opened();
    const why = `the server did not agree to the subprotocol ${SUBPROTOCOL}`;
    this.#listener.broke(new QanatError('UNSUPPORTED_VERSION', why));
    this.#socket.close();
    this.#leave();
  }

  #onMessage(data: unknown): void {
    if (this.#ended) return;
    const error = this.inbox.push(data instanceof ArrayBuffer ? new Uint8Array(data) : textRefused());
    if (error === undefined) return this.#listener.arrived();
    this.#listener.broke(error);
    this.drop();
  }

  #onClose(code: number, reason: string, whyNot: () => QanatError): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#open && !this.#closing) {
      this.inbox.pushEnd({ code, reason });
      return this.#listener.arrived();
    }
    if (!this.#open) this.#listener.broke(whyNot());
    else if (code === CloseCode.ABNORMAL) this.#listener.broke(new QanatError('CONNECTION_LOST', 'the connection broke'));
    this.#leave();
  }

  /** What waits here can still be dropped, and what the browser has cannot: it gets no more than it needs. */
  #hand(): void {
    while (this.#socket.bufferedAmount < HIGH_WATER_BYTES) {
      const message = this.#outbox.take();
      if (message === undefined) break;
      this.#socket.send(message.parts.length === 1 ? (message.parts[0] as Uint8Array) : joinParts(message.parts));
    }
    if (this.#closing && this.#outbox.bytes === 0) this.#socket.close(CloseCode.NORMAL);
  }

  #lookLater(): void {
    this.#look ??= setTimeout(() => {
      this.#look = undefined;
      if (this.#ended) return;
      this.flush();
      this.#listener.sent();
    }, LOOK_MS);
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#ended = true;
    clearTimeout(this.#look);
    this.#listener.closed();
  }
}

import { CONTROL_FROM, OPCODES, type Piece, PieceReader } from './piece.ts';

export type MessageType = 'binary' | 'text' | 'close' | 'ping' | 'pong';

/** A message that has ended. */
export interface Message {
  readonly type: MessageType;
  /** Bytes of its payload, and the pieces that they came in. */
  readonly length: number;
  readonly pieces: number;
  /** Of a control message; a data message was given piece by piece. */
  readonly payload: Uint8Array;
}

export interface MessageHandler {
  /** A piece of a binary message. The callee owns the bytes. */
  onBytes(bytes: Uint8Array): void;
  onMessage(message: Message): void;
  /** What came is no WebSocket (RFC 6455), or text; nothing is read behind it. */
  onBroken(why: string): void;
}

const TYPES: ReadonlyMap<number, MessageType> = new Map([
  [OPCODES.text, 'text'],
  [OPCODES.binary, 'binary'],
  [OPCODES.close, 'close'],
  [OPCODES.ping, 'ping'],
  [OPCODES.pong, 'pong'],
]);
const CONTROL_BYTES_MAX = 125;
const NO_BYTES = new Uint8Array(0);

/** Puts the messages of a peer together. */
export class MessageReader {
  readonly #pieces = new PieceReader();
  readonly #handler: MessageHandler;
  readonly #peerMasks: boolean;
  #begun: { readonly type: MessageType; length: number; pieces: number } | undefined;
  #isBroken = false;

  /** @param peerMasks whether the peer is a client. */
  constructor(peerMasks: boolean, handler: MessageHandler) {
    this.#peerMasks = peerMasks;
    this.#handler = handler;
  }

  push(bytes: Uint8Array): void {
    if (this.#isBroken) return;
    try {
      for (const piece of this.#pieces.push(bytes)) if (!this.#isBroken) this.#take(piece);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#broken(error.message);
    }
  }

  #take(piece: Piece): void {
    const wrong = this.#wrongWith(piece);
    if (wrong !== undefined) return this.#broken(wrong);
    if (piece.opcode >= CONTROL_FROM) return this.#takeControl(piece);
    const { opcode, final, payload } = piece;
    const message = this.#begun ?? { type: TYPES.get(opcode) as MessageType, length: 0, pieces: 0 };
    this.#begun = message;
    message.length += payload.length;
    message.pieces++;
    if (message.type === 'binary' && payload.length > 0) this.#handler.onBytes(payload);
    if (!final) return;
    this.#begun = undefined;
    this.#handler.onMessage({ ...message, payload: NO_BYTES });
    if (message.type === 'text') this.#broken('a text message: frames are binary');
  }

  #takeControl({ opcode, payload }: Piece): void {
    this.#handler.onMessage({ type: TYPES.get(opcode) as MessageType, length: payload.length, pieces: 1, payload });
  }

  /** Why a piece may not come here, by RFC 6455. */
  #wrongWith({ opcode, final, reserved, masked, payload }: Piece): string | undefined {
    if (reserved !== 0) return 'a reserved bit is set, and no extension was agreed upon';
    if (masked !== this.#peerMasks) return masked ? 'a server masks nothing' : 'a client masks everything';
    if (opcode >= CONTROL_FROM && (!final || payload.length > CONTROL_BYTES_MAX))
      return `a control message is in one piece of at most ${CONTROL_BYTES_MAX} bytes`;
    if (opcode === OPCODES.continuation) return this.#begun === undefined ? 'a piece goes on with no message' : undefined;
    if (!TYPES.has(opcode)) return `the opcode ${opcode} is not known`;
    return this.#begun !== undefined && opcode < CONTROL_FROM ? 'a message begins inside of another one' : undefined;
  }

  #broken(why: string): void {
    this.#isBroken = true;
    this.#handler.onBroken(why);
  }
}

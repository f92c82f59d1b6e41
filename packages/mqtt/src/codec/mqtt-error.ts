import { REASON } from './reason-codes.ts';

/**
 * The peer, or who made a packet, did what MQTT forbids. `reasonCode` is what a CONNACK or DISCONNECT of 5.0 says of it; with
 * 3.1.1 the connection is closed. Made without a stack: it is an answer, and a peer can ask for as many as it likes.
 */
export class MqttError extends Error {
  override readonly name = 'MqttError';
  readonly reasonCode: number;
  /** Of an error in CONNECT: the protocol level that it named, supported or not, where that was read before. */
  readonly version: number | undefined;

  constructor(reasonCode: number, message: string, version?: number) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = limit;
    this.reasonCode = reasonCode;
    this.version = version;
  }
}

/** The packet cannot be parsed (MQTT 5.0 section 1.2, Malformed Packet). */
export const malformed = (message: string): MqttError => new MqttError(REASON.MALFORMED_PACKET, message);

/** The packet can be parsed, and says what may not be said, or not here (section 1.2, Protocol Error). */
export const protocolError = (message: string): MqttError => new MqttError(REASON.PROTOCOL_ERROR, message);

import { QanatError } from '../errors.ts';

/** The major version that this implementation speaks. */
export const PROTOCOL_MAJOR = 1;
/** Length of the preface that begins every connection on a byte stream. */
export const PREFACE_BYTES = 8;

const MAGIC = [0xab, 0x51, 0x4e, 0x54] as const;
const MAJOR_AT = MAGIC.length;

/** 0xAB "QNT", the major version, three zeros (spec, chapter of bindings). */
export function encodePreface(major: number = PROTOCOL_MAJOR): Uint8Array {
  const bytes = new Uint8Array(PREFACE_BYTES);
  bytes.set(MAGIC);
  bytes[MAJOR_AT] = major;
  return bytes;
}

/** The first byte of a TLS record that begins a handshake, and of one that refuses it (RFC 8446, 5.1). */
const TLS_HANDSHAKE = 0x16;
const TLS_ALERT = 0x15;

/** The peer speaks something else. @param first the byte that it began with; 0 where that was one of ours. */
function foreign(first: number): QanatError {
  if (first === TLS_HANDSHAKE)
    return new QanatError('MALFORMED_FRAME', 'the first bytes are a TLS handshake, and there is no TLS here', {
      hint: 'use qanat:// for this listener, or give it TLS: --listen qanats://HOST:PORT',
    });
  if (first === TLS_ALERT)
    return new QanatError('MALFORMED_FRAME', 'the first bytes are a TLS alert', { hint: 'this port speaks TLS: use qanats://' });
  return new QanatError('MALFORMED_FRAME', 'the first bytes are not the preface of Qanat');
}

/**
 * Reads the peer's preface from chunks of any size. A wrong byte is found as soon as it has arrived; the three bytes behind the
 * version are ignored.
 */
export class PrefaceReader {
  #have = 0;

  /** Bytes of the preface that have arrived. */
  get receivedBytes(): number {
    return this.#have;
  }

  /**
   * @returns the bytes behind the preface when it is complete, undefined while it is not; an error MALFORMED_FRAME for a peer
   * that does not speak this protocol, UNSUPPORTED_VERSION for one with another major version.
   */
  push(chunk: Uint8Array): Uint8Array | QanatError | undefined {
    let at = 0;
    while (at < chunk.length && this.#have < PREFACE_BYTES) {
      const byte = chunk[at] as number;
      if (this.#have < MAJOR_AT && byte !== MAGIC[this.#have]) {
        return foreign(this.#have === 0 ? byte : 0);
      }
      if (this.#have === MAJOR_AT && byte !== PROTOCOL_MAJOR) {
        return new QanatError('UNSUPPORTED_VERSION', `the peer speaks major version ${byte}, this side speaks ${PROTOCOL_MAJOR}`);
      }
      this.#have++;
      at++;
    }
    return this.#have < PREFACE_BYTES ? undefined : chunk.subarray(at);
  }
}

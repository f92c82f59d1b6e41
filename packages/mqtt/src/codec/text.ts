import { MqttError, malformed } from './mqtt-error.ts';
import { TOPIC_LEVELS_MAX } from './packet-limits.ts';
import { REASON } from './reason-codes.ts';

/** Refuses surrogates, overlong forms and what is cut [MQTT-1.5.4-1]; keeps U+FEFF at the start [MQTT-1.5.4-3]. */
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Makes a text of bytes below 0x80 in half the time that the decoder takes for a short one. Every `Buffer` has it. */
const { latin1Slice } = Buffer.prototype as unknown as { latin1Slice(this: Uint8Array, from: number, to: number): string };

/** Up to this length bytes are looked at one by one. */
const SHORT_BYTES_MAX = 256;
const SLASH = 0x2f;
const PLUS = 0x2b;
const HASH = 0x23;

function decodeUtf8(bytes: Uint8Array, from: number, to: number): string {
  let text: string;
  try {
    text = decoder.decode(bytes.subarray(from, to));
  } catch {
    throw malformed('a text is not well-formed UTF-8');
  }
  if (text.includes('\0')) throw malformed('a text has U+0000');
  return text;
}

/**
 * Reads a UTF-8 string without its length (MQTT 5.0 section 1.5.4).
 * @throws MqttError 0x81 where it is ill-formed [MQTT-1.5.4-1] or has U+0000 [MQTT-1.5.4-2].
 */
export function readText(bytes: Uint8Array, from: number, to: number): string {
  if (to - from > SHORT_BYTES_MAX) return decodeUtf8(bytes, from, to);
  let all = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte === 0) throw malformed('a text has U+0000');
    all |= byte;
  }
  return all < 0x80 ? latin1Slice.call(bytes, from, to) : decodeUtf8(bytes, from, to);
}

/** Looks at the bytes of a topic name: all its special characters are ASCII, which no other character's UTF-8 contains. */
function checkTopicName(bytes: Uint8Array, from: number, to: number): void {
  let levels = 1;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte === SLASH) levels++;
    else if (byte === PLUS || byte === HASH) throw new MqttError(REASON.TOPIC_NAME_INVALID, 'a topic name has a wildcard');
  }
  if (levels > TOPIC_LEVELS_MAX)
    throw new MqttError(REASON.TOPIC_NAME_INVALID, `a topic name of ${levels} levels, at most ${TOPIC_LEVELS_MAX} are taken`);
}

/** Reads topic names. Remembers the last one: devices publish to one topic again and again, and send bursts. */
export class TopicReader {
  readonly #bytes = new Uint8Array(SHORT_BYTES_MAX);
  #length = 0;
  #text = '';

  /**
   * Reads a topic name without its length; it may be empty.
   * @throws MqttError 0x81 as `readText`, 0x90 where it has wildcards [MQTT-3.3.2-2] or more than TOPIC_LEVELS_MAX levels.
   */
  read(bytes: Uint8Array, from: number, to: number): string {
    if (to - from === this.#length && this.#isSame(bytes, from)) return this.#text;
    const text = readText(bytes, from, to);
    checkTopicName(bytes, from, to);
    if (to - from <= SHORT_BYTES_MAX) this.#remember(bytes, from, to, text);
    return text;
  }

  /** From the end: topics of devices differ there more often than at the start. */
  #isSame(bytes: Uint8Array, from: number): boolean {
    const kept = this.#bytes;
    for (let i = this.#length - 1; i >= 0; i--) if (kept[i] !== bytes[from + i]) return false;
    return true;
  }

  #remember(bytes: Uint8Array, from: number, to: number, text: string): void {
    for (let i = from; i < to; i++) this.#bytes[i - from] = bytes[i] as number;
    this.#length = to - from;
    this.#text = text;
  }
}

import { MqttError } from './mqtt-error.ts';
import { TOPIC_LEVELS_MAX } from './packet-limits.ts';
import { REASON } from './reason-codes.ts';
import { readAscii, readText } from './text.ts';

const SLASH = 0x2f;
const PLUS = 0x2b;
const HASH = 0x23;

/** 1 for a byte that ends a level, much for one that no plain topic name has. */
const WEIGHTS = /* @__PURE__ */ Uint16Array.from({ length: 256 }, (_, byte) => {
  if (byte === SLASH) return 1;
  return byte === PLUS || byte === HASH || byte === 0 || byte >= 0x80 ? TOPIC_LEVELS_MAX : 0;
});

function levelsOf(bytes: Uint8Array, from: number, to: number): number {
  let levels = 1;
  for (let i = from; i < to; i++) if (bytes[i] === SLASH) levels++;
  return levels;
}

const hasWildcard = (text: string): boolean => text.includes('+') || text.includes('#');

/** Reads a topic name of any length and of any characters. */
function readTopicName(bytes: Uint8Array, from: number, to: number): string {
  const text = readText(bytes, from, to);
  if (hasWildcard(text)) throw new MqttError(REASON.TOPIC_NAME_INVALID, 'a topic name has a wildcard');
  const levels = levelsOf(bytes, from, to);
  if (levels > TOPIC_LEVELS_MAX)
    throw new MqttError(REASON.TOPIC_NAME_INVALID, `a topic name of ${levels} levels, at most ${TOPIC_LEVELS_MAX} are taken`);
  return text;
}

/** Topic names that are remembered, and of up to how many bytes. */
const TOPICS_KEPT_MAX = 1_024;
const KEPT_BYTES = 64;

/**
 * Reads topic names, and remembers some of the last ones by their bytes: devices publish to the same topics again and again, and
 * a text that is known needs neither memory nor another look at its characters.
 */
export class TopicReader {
  readonly #texts: string[] = new Array(TOPICS_KEPT_MAX).fill('');
  /** Of `#texts`, each in a place of KEPT_BYTES. */
  readonly #bytes = new Uint8Array(TOPICS_KEPT_MAX * KEPT_BYTES);
  readonly #lengths = new Uint8Array(TOPICS_KEPT_MAX);
  #last = 0;

  /**
   * Reads a topic name without its length; it may be empty.
   * @throws MqttError 0x81 as `readText`, 0x90 where it has wildcards [MQTT-3.3.2-2] or more than TOPIC_LEVELS_MAX levels.
   */
  read(bytes: Uint8Array, from: number, to: number): string {
    if (to - from > KEPT_BYTES) return readTopicName(bytes, from, to);
    if (this.#isKept(this.#last, bytes, from, to)) return this.#texts[this.#last] as string;
    let hash = 0;
    let weight = 0;
    for (let i = from; i < to; i++) {
      const byte = bytes[i] as number;
      hash = (Math.imul(hash, 31) + byte) | 0;
      weight += WEIGHTS[byte] as number;
    }
    const slot = (hash ^ (hash >>> 10) ^ (hash >>> 20)) & (TOPICS_KEPT_MAX - 1);
    this.#last = slot;
    if (this.#isKept(slot, bytes, from, to)) return this.#texts[slot] as string;
    const text = weight < TOPIC_LEVELS_MAX ? readAscii(bytes, from, to) : readTopicName(bytes, from, to);
    this.#keep(slot, bytes, from, to, text);
    return text;
  }

  #isKept(slot: number, bytes: Uint8Array, from: number, to: number): boolean {
    if (this.#lengths[slot] !== to - from) return false;
    const kept = this.#bytes;
    for (let i = from, at = slot * KEPT_BYTES; i < to; i++, at++) if (kept[at] !== bytes[i]) return false;
    return true;
  }

  #keep(slot: number, bytes: Uint8Array, from: number, to: number, text: string): void {
    for (let i = from, at = slot * KEPT_BYTES; i < to; i++, at++) this.#bytes[at] = bytes[i] as number;
    this.#lengths[slot] = to - from;
    this.#texts[slot] = text;
  }
}

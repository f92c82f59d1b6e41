import { malformed } from './mqtt-error.ts';

/** Refuses surrogates, overlong forms and what is cut [MQTT-1.5.4-1]; keeps U+FEFF at the start [MQTT-1.5.4-3]. */
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const { latin1Slice } = Buffer.prototype as unknown as { latin1Slice(this: Uint8Array, from: number, to: number): string };

/** A text of bytes that are all below 0x80: every `Buffer` can do it, in half the time that the decoder takes for a short one. */
export const readAscii = (bytes: Uint8Array, from: number, to: number): string => latin1Slice.call(bytes, from, to);

/** Up to this length bytes are looked at one by one. */
const SHORT_BYTES = 256;

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
  if (to - from > SHORT_BYTES) return decodeUtf8(bytes, from, to);
  let all = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte === 0) throw malformed('a text has U+0000');
    all |= byte;
  }
  return all < 0x80 ? readAscii(bytes, from, to) : decodeUtf8(bytes, from, to);
}

import { encodeBatch, type Platform, type RecordInit } from '@qanat/core';
import { bytesOf, isObject, type Json, type JsonObject } from '../json.ts';
import type { Play } from './play.ts';
import { countOf, flagOf, listOf, numberOf, sizeOf, textOf } from './program.ts';
import { stateEntriesOf } from './state-entries.ts';

/**
 * The payload of a frame: `{ hex }`, `{ zeros: n }`, `{ entries }` of keyed state, or `{ batch }`: `records` with `body` (text)
 * or `size`, `key`, `tag`, `properties`; or `count` records like the first one; `producerId`, `producerEpoch`, `baseSequence`,
 * `bornTimeMs`, `compress`. `patch` overwrites bytes: `[[at, hex], …]`, and `cut` drops bytes at the end.
 */
export function payloadOf(play: Play, platform: Platform, payload: JsonObject): Uint8Array {
  if (typeof payload.hex === 'string') return bytesOf(payload.hex);
  if (typeof payload.zeros === 'number') return new Uint8Array(sizeOf(payload, 'zeros'));
  if (Array.isArray(payload.entries)) return stateEntriesOf(play.value(payload.entries) as Json[]);
  if (!isObject(payload.batch)) return new Uint8Array(0);
  return changed(payload, batchOf(play, platform, payload.batch));
}

function batchOf(play: Play, platform: Platform, batch: JsonObject): Uint8Array {
  const value = play.value(batch) as JsonObject;
  const given = listOf(value, 'records').filter(isObject);
  const count = countOf(value, 'count', Math.max(1, given.length));
  const records = Array.from({ length: count }, (_, i) => recordOf(given[i] ?? given[0] ?? {}, i, play.token));
  return encodeBatch(platform, records, {
    bornTimeMs: numberOf(value, 'bornTimeMs', 1_700_000_000_000),
    producerId: numberOf(value, 'producerId', 0),
    producerEpoch: numberOf(value, 'producerEpoch', 0),
    baseSequence: numberOf(value, 'baseSequence', 0),
    compress: flagOf(value, 'compress'),
  });
}

function recordOf(record: JsonObject, index: number, token: string): RecordInit {
  const text = textOf(record, 'body', `m${index}${token}`);
  const body =
    typeof record.size === 'number' ? new Uint8Array(sizeOf(record, 'size')).fill(0x61) : new TextEncoder().encode(text);
  return {
    body,
    ...(typeof record.key === 'string' ? { key: record.key } : {}),
    ...(typeof record.tag === 'string' ? { tag: record.tag } : {}),
    ...(isObject(record.properties) ? { properties: record.properties as Record<string, string> } : {}),
    ...(typeof record.bornTimeMs === 'number' ? { bornTimeMs: record.bornTimeMs } : {}),
  };
}

function changed(payload: JsonObject, batch: Uint8Array): Uint8Array {
  const bytes = batch.slice(0, Math.max(0, batch.length - sizeOf(payload, 'cut')));
  for (const patch of listOf(payload, 'patch')) {
    const [at, hex] = Array.isArray(patch) ? patch : [];
    if (typeof at !== 'number' || typeof hex !== 'string') continue;
    const place = Math.max(0, at < 0 ? bytes.length + at : at);
    bytes.set(bytesOf(hex).subarray(0, Math.max(0, bytes.length - place)), Math.min(place, bytes.length));
  }
  return bytes;
}

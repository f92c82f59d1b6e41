import type { Platform } from '../platform.ts';
import { utf8 } from '../wire/bytes.ts';

/** The finalizer of MurmurHash3: spreads 32 bits. */
export function fmix32(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The weight of a queue, once per queue: CRC-32 of `broker/queue`. */
export const queueHash = (platform: Platform, broker: string, queue: number): number =>
  platform.crc32(utf8(`${broker}/${queue}`), 0);

/**
 * The queue of a key: the one with the highest `fmix32(fmix32(crc32(key)) xor hash)`, the first of equals (rendezvous hashing:
 * when
 * a queue goes, only its keys move; spec, chapter of send). The sum of the key is mixed first, because CRC-32 is linear:
 * `order-1`
 * and `order-2` would differ just as `broker/1` and `broker/2` do, and fall on one broker.
 *
 * @param hashes of the topic's queues, sorted by broker name, then queue.
 */
export function queueOfKey(keyHash: number, hashes: readonly number[]): number {
  const mixed = fmix32(keyHash);
  let best = -1;
  let bestWeight = -1;
  for (let i = 0; i < hashes.length; i++) {
    const weight = fmix32(mixed ^ (hashes[i] as number));
    if (weight > bestWeight) {
      bestWeight = weight;
      best = i;
    }
  }
  return best;
}

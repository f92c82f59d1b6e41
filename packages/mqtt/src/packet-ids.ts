import { fmix32, portableCrc32, utf8 } from '@qanat/core';

/** Packet ids are 1 to this [MQTT-2.2.1-3]. */
export const PACKET_IDS = 65_535;

/**
 * Packet ids from 1 to this belong to places in the log, the others to whatever has none of its own. A prime, so that each step
 * through them meets all.
 */
export const PLACE_IDS = 61_417;

/**
 * The packet ids by which a session is sent the messages of one queue. They follow from the place alone: whichever bridge sends
 * a message again, after whatever end of the one before, uses the same id [MQTT-4.4.0-1]. Neighbours have different ids; each
 * queue has a step of its own, so that two queues do not meet at the same ids all along.
 *
 * @param queue name of the queue in records. @returns from an offset to its packet id, 1 to PLACE_IDS.
 */
export function placeIds(queue: string): (offset: number) => number {
  const hash = portableCrc32(utf8(queue), 0);
  const first = fmix32(hash) % PLACE_IDS;
  const step = 1 + (fmix32(hash ^ PLACE_IDS) % (PLACE_IDS - 1));
  return (offset) => 1 + ((first + (offset % PLACE_IDS) * step) % PLACE_IDS);
}

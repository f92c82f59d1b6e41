import { isUtf8 } from 'node:buffer';
import type { Publish, Will } from './packet.ts';

/**
 * Whether the payload is what its Payload Format Indicator says: UTF-8 where that is 1 (MQTT 5.0 section 3.3.2.3.2). Where it is
 * not, a PUBLISH may be answered with reason 0x99, and a CONNECT for its will.
 */
export function payloadFormatHolds({ payload, properties }: Pick<Publish | Will, 'payload' | 'properties'>): boolean {
  return properties?.payloadFormatIndicator !== 1 || isUtf8(payload);
}

import { type ClientPacket, encodePacket, type ServerPacket } from '@qanat/mqtt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientPackets, serverPackets } from './arbitrary-packets.ts';
import { decode } from './bytes.ts';
import { clientBytes } from './client-bytes.ts';

describe.each([4, 5] as const)('version %i', (version) => {
  test('what a client says is read as it was meant, the order of user properties included [MQTT-3.3.2-18] [MQTT-3.1.3-10]', () => {
    fc.assert(
      fc.property(clientPackets(version), (sent) => {
        expect(decode(clientBytes(sent, version), version)).toStrictEqual(sent);
      }),
      { numRuns: 1_000 },
    );
  });

  test('what a server says that a client may say too is read as it was meant', () => {
    const isOfBoth = (sent: ServerPacket): sent is ServerPacket & ClientPacket =>
      /^(PUB|AUTH)/.test(sent.type) && !('properties' in sent && sent.properties?.subscriptionIdentifiers !== undefined);
    fc.assert(
      fc.property(serverPackets(version).filter(isOfBoth), (sent) => {
        expect(decode(encodePacket(sent, version), version)).toStrictEqual(sent);
      }),
      { numRuns: 1_000 },
    );
  });
});

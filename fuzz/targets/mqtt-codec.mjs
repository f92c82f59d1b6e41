import { decodePacket } from '../../packages/mqtt/src/codec/decode.ts';
import { encodePacket } from '../../packages/mqtt/src/codec/encode.ts';
import { MqttError } from '../../packages/mqtt/src/codec/mqtt-error.ts';
import { packetEnd } from '../../packages/mqtt/src/codec/packet-end.ts';
import { equal, hex, must, wellFormed } from './rules.mjs';

const PACKET_BYTES_MAX = 65_536;
/** The first byte of an input is the version, what follows is what a device sends. */
const VERSIONS = [4, 5];
const CONNECT = 1;
/** What both sides may send, so that what was decoded can be encoded. */
const OF_BOTH = new Set(['PUBLISH', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'AUTH']);

const SEEDS = [
  '05 1012 0004 4d515454 05 c2 003c 00 0001 63 0001 75 0001 70',
  '05 1026 0004 4d515454 05 2e 003c 05 11 0000003c 0001 63 05 18 00000001 0003 772f78 0002 0102 0000',
  '04 1015 0004 4d515454 04 ce 003c 0001 63 0001 77 0000 0001 75 0001 70',
  '05 3218 0003 612f62 0001 0e 23 0001 02 0000003c 26 0001 6b 0001 76 ff',
  '05 3024 0001 61 1f 01 01 03 0001 74 08 0001 72 09 0002 0102 26 0001 6b 0001 76 26 0000 0000 ff',
  '04 3206 0001 61 0001 ff',
  '05 4002 0001',
  '05 4003 0001 10',
  '05 500a 0001 87 06 1f 0003 776879',
  '05 6204 0001 92 00',
  '05 7002 0001',
  '05 8218 0001 02 0b 05 0003 612f2b 2e 000a 2473686172652f672f23 01',
  '04 8206 0001 0001 61 01',
  '05 a20b 0001 00 0001 61 0003 622f23',
  '05 c000',
  '05 e000',
  '05 e007 04 05 11 00000001',
  '05 f00d 18 0b 15 0001 6d 16 0004 01020304',
  '04 30ffffff7f',
];

/** @returns what `run` gives, or undefined when it throws an MqttError. */
function refusing(run) {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof MqttError)) throw error;
    must(error.reasonCode >= 0x80 && error.reasonCode <= 0xa2, 'reason code', error.reasonCode);
    must(error.message !== '', 'without a message');
    return undefined;
  }
}

function check(packet, version) {
  must(wellFormed(packet), 'a text is no Unicode');
  must(packet.packetId !== 0 || packet.qos === 0, 'packet identifier 0');
  if (!OF_BOTH.has(packet.type)) return;
  const again = encodePacket(packet, version);
  const end = packetEnd(again, 0, again.length, Number.MAX_SAFE_INTEGER);
  must(end === again.length, 'encoded it has another length');
  must(equal(decodePacket(again, 0, end, version), packet), 'encoded and decoded it is another packet');
}

export default {
  seeds: () => SEEDS.map(hex),
  words: ['0004 4d515454 05', '0004 4d515454 04', '26 0001 6b 0001 76', '0b 01', '23 0001', '02 0000003c', '2473686172652f'].map(
    hex,
  ),
  run(input) {
    const version = VERSIONS[(input[0] ?? 0) & 1];
    let at = 1;
    while (at < input.length) {
      const end = refusing(() => packetEnd(input, at, input.length, PACKET_BYTES_MAX));
      if (end === undefined || end > input.length) return;
      must(end > at, 'a packet of no bytes');
      const isConnect = input[at] >>> 4 === CONNECT;
      const packet = refusing(() => decodePacket(input, at, end, isConnect ? undefined : version));
      if (packet === undefined) return;
      check(packet, isConnect ? packet.version : version);
      at = end;
    }
  },
};

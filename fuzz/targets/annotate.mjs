import { annotate } from '../../packages/core/src/annotate/index.ts';
import { nodePlatform } from '../../packages/transports/src/node/node-platform.ts';
import { batchSeeds } from './batch-header.mjs';
import { hex, must, vectors } from './rules.mjs';

const KINDS = ['stream', 'batch', 'entry', undefined];

/** The first byte says as what the others are explained. */
const asKind = (kind, bytes) => Uint8Array.of(KINDS.indexOf(kind), ...bytes);

export default {
  seeds: () => [
    ...batchSeeds().map((batch) => asKind('batch', batch)),
    ...vectors('frames.json').cases.flatMap(({ hex: text }) => (text === undefined ? [] : [asKind('stream', hex(text))])),
  ],
  run(input) {
    const bytes = input.subarray(1);
    const parts = annotate(bytes, nodePlatform, KINDS[(input[0] ?? 0) % KINDS.length]);
    let at = 0;
    for (const part of parts) {
      must(part.bytes.byteOffset === bytes.byteOffset + at || part.bytes.length === 0, 'a gap or an overlap at', at);
      must(typeof part.text === 'string', 'nothing is said of', at);
      at += part.bytes.length;
    }
    must(at === bytes.length, 'explained are', at, 'bytes of', bytes.length);
  },
};

#!/usr/bin/env node
// A driver for the codec of this repository.
//   node packages/conformance/drivers/qanat-codec.mjs
// It speaks lines of JSON on its standard input and output (docs/conformance-drivers.md); what the questions mean is in
// src/driver/reference-codec.ts.
import { createInterface } from 'node:readline';
import { ReferenceCodec } from '@qanat/conformance';

const codec = new ReferenceCodec();
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { id, op, ...args } = JSON.parse(line);
    if (op === 'hello') return say({ id, ok: { protocol: 1, ...codec.manifest } });
    codec.call(op, args, (error, ok) => say(error === undefined ? { id, ok } : { id, error }));
  })
  .on('close', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));

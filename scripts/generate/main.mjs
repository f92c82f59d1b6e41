// Generates from spec/v1/proto: constants and codecs in the core, tables in the prose; the vectors and the matrix
// of the conformance kit.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readOptions } from '../read-options.mjs';
import { generateFields } from './fields.mjs';
import { generateMatrix } from './matrix.mjs';
import { generateMessages } from './messages.mjs';
import { generateRegistry } from './registry.mjs';
import { generateRequirements } from './requirements.mjs';
import { loadSchema } from './schema.mjs';
import { generateTables } from './tables.mjs';
import { generateVectors } from './vectors.mjs';

const HELP = `usage: npm run generate [-- --check]

Writes constants, codecs and tables of spec/v1/proto, the vectors and the matrix of the conformance kit.

  --check   write nothing; fail when a generated file is stale
  --help    this
`;

const { values } = readOptions(HELP, { check: { type: 'boolean', default: false } });
const schema = loadSchema('spec/v1/proto');
const files = {
  'packages/core/src/annotate/gen/fields.ts': generateFields(schema),
  'packages/core/src/wire/gen/registry.ts': generateRegistry(schema),
  'packages/conformance/src/clause/gen/requirements.ts': generateRequirements(),
  'packages/conformance/src/clause/gen/vectors.ts': generateVectors(),
};
for (const [name, text] of Object.entries(generateMessages(schema))) files[`packages/core/src/wire/gen/${name}`] = text;
files['docs/conformance-matrix.md'] = await generateMatrix();
for (const [name, text] of Object.entries(generateTables(schema))) files[`spec/v1/registry/${name}`] = text;

const stale = Object.entries(files).filter(([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text);
if (values.check) {
  for (const [path] of stale) console.error(`stale: ${path} (run: npm run generate)`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const [path, text] of stale) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${path}`);
  }
}

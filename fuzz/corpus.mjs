// Inputs in hex, one a line: those that reach something (corpus) and those that once broke something (finds).
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const pathOf = (kind, target) => fileURLToPath(new URL(`./${kind}/${target}.txt`, import.meta.url));

/** Lines of `#` say why an input is there. */
export function readInputs(kind, target) {
  const path = pathOf(kind, target);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  const kept = lines.filter((line, i) => (line !== '' ? !line.startsWith('#') : i < lines.length - 1 && kind === 'finds'));
  return kept.map((line) => new Uint8Array(Buffer.from(line, 'hex')));
}

export function writeInputs(kind, target, inputs) {
  const path = pathOf(kind, target);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, inputs.map((input) => `${Buffer.from(input).toString('hex')}\n`).join(''));
}

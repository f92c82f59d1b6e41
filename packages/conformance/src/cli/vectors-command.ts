import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Terminal } from './say.ts';

export function addVectorsCommand(program: Command, terminal: Terminal, ended: (code: number) => void, folder: string): void {
  program
    .command('vectors [name]')
    .description('the vectors of the specification: their names, or one of them as it is')
    .action((name: string | undefined) => {
      ended(name === undefined ? listVectors(folder, terminal) : printVector(folder, name, terminal));
    });
}

function listVectors(folder: string, terminal: Terminal): number {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!/\.(json|txt)$/.test(file)) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    const count = file.endsWith('.json')
      ? (JSON.parse(text).cases?.length ?? JSON.parse(text).steps?.length ?? 0)
      : text.split('\n').filter((line) => line !== '' && !line.startsWith(';')).length;
    terminal.out(`${file.padEnd(36)} ${count}\n`);
  }
  return 0;
}

function printVector(folder: string, name: string, terminal: Terminal): number {
  const file = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find(
    (one) => one === name || one.replace(/\.(json|txt)$/, '') === name,
  );
  if (file === undefined) {
    terminal.err(`error: there is no vector ${name}\nhint: qanat-conformance vectors lists them\n`);
    return 64;
  }
  terminal.out(readFileSync(join(folder, file), 'utf8'));
  return 0;
}

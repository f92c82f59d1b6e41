import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, test } from 'vitest';

const SOURCE = new URL('../src/heap-growth.ts', import.meta.url);
const MIB = 1024 * 1024;

/** Makes objects of which many live for a while, and tells the most room that new ones had. */
const CHURN = `
let most = 0;
const kept = [];
for (let turn = 0; turn < 400; turn++) {
  for (let i = 0; i < 5_000; i++) kept.push({ turn, i });
  if (kept.length > 200_000) kept.splice(0, 100_000);
  most = Math.max(most, newSpaceBytes());
  await new Promise((resolve) => setImmediate(resolve));
}
console.log(most);
`;

/** In a process of its own: V8 is set for all of it. */
function mostNewSpaceBytes(first: string): number {
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(readFileSync(SOURCE, 'utf8'), { compilerOptions: options });
  const code = `${outputText}\n${first}\n${CHURN}`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }));
}

test('a bridge gives its new objects half of the room that V8 would, or less', () => {
  // What V8 allows by itself is another number in another version.
  const byItself = mostNewSpaceBytes('');
  expect(byItself).toBeGreaterThanOrEqual(32 * MIB);
  expect(mostNewSpaceBytes('keepNewSpaceSmall();')).toBeLessThanOrEqual(byItself / 2);
}, 60_000);

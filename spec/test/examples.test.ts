// Every fenced example of the specification runs against the core; a fence that nothing runs fails.
import { describe, expect, it } from 'vitest';
import type { BatchJson as BatchExample } from '../../packages/conformance/src/codec/batch-json.ts';
import type { FrameKind } from '../../packages/conformance/src/codec/schema-json.ts';
import {
  type EntryExample,
  type FrameExample,
  runBatch,
  runEntry,
  runFrame,
  runPreface,
  runStream,
  runWebSocket,
  type StreamExample,
} from './example-runs.ts';
import { families } from './families.ts';
import { type Fence, fencesOf, hexOf, jsonOf, pages } from './fences.ts';
import { pseudoOf, pseudoProperties } from './pseudo.ts';

/** Code fences that show a command or a file to a reader; they make no claim about the protocol. */
const PICTURES = new Set(['text']);
const PSEUDO_LINES_MAX = 20;
const KINDS = new Set(['request', 'response', 'error', 'push']);

const runs: Readonly<Record<string, (fence: Fence) => void>> = {
  'hex frame': ({ info, body }) => {
    const [, , name, kind] = info as [string, string, string, FrameKind];
    expect(KINDS).toContain(kind);
    runFrame(name, kind, hexOf(body), jsonOf(body) as FrameExample);
  },
  'hex batch': ({ body }) => runBatch(hexOf(body), jsonOf(body) as BatchExample),
  'hex entry': ({ body }) => runEntry(hexOf(body), jsonOf(body) as EntryExample),
  'hex preface': ({ body }) => runPreface(hexOf(body), jsonOf(body) as { major: number }),
  'hex stream': ({ body }) => runStream(hexOf(body), jsonOf(body) as StreamExample),
  'hex websocket': ({ body }) => runWebSocket(hexOf(body), jsonOf(body) as { message: string }),
  'json vector': ({ body }) => {
    const example = JSON.parse(body) as { family: string; cases: unknown[] };
    const family = families[example.family];
    if (family === undefined) throw new Error(`no vector family ${example.family}`);
    for (const one of example.cases) family.run(one);
  },
  pseudo: ({ body }) => {
    expect(body.trimEnd().split('\n').length).toBeLessThanOrEqual(PSEUDO_LINES_MAX);
    const { name } = pseudoOf(body);
    const property = pseudoProperties[name];
    if (property === undefined) throw new Error(`nothing compares the pseudo-code ${name}`);
    property();
  },
};

const kindOf = ({ info }: Fence): string => (info[0] === 'pseudo' ? 'pseudo' : `${info[0]} ${info[1]}`);

describe.each(pages())('%s', (file) => {
  const fences = fencesOf(file).filter(({ info }) => !PICTURES.has(info[0] as string));
  if (fences.length === 0) it('has no example', () => expect(fences).toEqual([]));
  it.each(fences.map((fence) => [`${fence.info.join(' ')} at line ${fence.line}`, fence] as const))('%s', (_, fence) => {
    const run = runs[kindOf(fence)];
    if (run === undefined) throw new Error(`${fence.file}:${fence.line}: nothing runs the fence "${fence.info.join(' ')}"`);
    run(fence);
  });
});

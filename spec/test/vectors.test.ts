// Every vector of the specification against the core.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalFilter, nameError, parseFilter, passes, QanatError, tagError } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import { filterLine, textLines } from '../../packages/conformance/src/codec/text-lines.ts';
import { families } from './families.ts';
import { SPEC_DIR } from './fences.ts';
import { isPlayable, playSession, type Session } from './session-player.ts';

const FOLDER = join(SPEC_DIR, 'v1', 'vectors');
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const files = readdirSync(FOLDER);

interface FamilyFile {
  readonly id: string;
  readonly clauses: readonly string[];
  readonly cases: readonly { readonly why?: string }[];
}

describe.each(files.filter((name) => name.endsWith('.json')))('%s', (file) => {
  const { id, clauses, cases } = JSON.parse(read(file)) as FamilyFile;
  it(`is a family that is verified (${clauses.join(', ')})`, () => {
    expect(`${id}.json`).toBe(file);
    expect(Object.keys(families)).toContain(id);
    expect(cases.length).toBeGreaterThan(0);
  });
  it.each(cases.map((one, i) => [i + 1, one.why ?? '', one] as const))('case %i %s', (_number, _why, one) =>
    families[id]?.run(one),
  );
});

const lines = (name: string): readonly string[] => textLines(read(name));

const invalidFilter = (text: string): boolean => {
  try {
    parseFilter(text);
    return false;
  } catch (error) {
    return QanatError.is(error, 'INVALID_ARGUMENT');
  }
};

describe('texts', () => {
  it.each(lines('names-valid.txt'))('QNT-NAM-001: %j is a name', (text) => expect(nameError(text)).toBeUndefined());
  it.each(lines('names-invalid.txt'))('QNT-NAM-001: %j is no name', (text) => expect(nameError(text)).toBeTypeOf('string'));
  it.each(lines('tags-valid.txt'))('QNT-NAM-004: %j is a tag', (text) => {
    expect(tagError(text)).toBeUndefined();
    expect(passes(parseFilter(text), text)).toBe(true);
  });
  it.each(lines('tags-invalid.txt'))('QNT-NAM-004: %j is no tag', (text) => expect(tagError(text)).toBeTypeOf('string'));
  it.each(lines('filters-invalid.txt'))('QNT-NAM-007: %j is no filter', (text) => expect(invalidFilter(text)).toBe(true));
  it.each(lines('filters-valid.txt'))('QNT-NAM-008, QNT-NAM-009: %s', (line) => {
    const { filter, tags: expected } = filterLine(line);
    expect(canonicalFilter(filter)).toBe(expected === null ? '*' : [...expected].sort().join(' || '));
    expect(passes(parseFilter(filter), undefined)).toBe(expected === null);
    for (const tag of expected ?? ['anything']) expect(passes(parseFilter(filter), tag)).toBe(true);
    if (expected !== null) expect(passes(parseFilter(filter), `${expected[0]}x`)).toBe(false);
  });
});

describe('sessions', () => {
  const sessions = readdirSync(join(FOLDER, 'sessions')).map((name) => JSON.parse(read(`sessions/${name}`)) as Session);
  const playable = sessions.filter(isPlayable);
  it.each(playable.map((session) => [session.id, session.title, session.clauses.join(', '), session] as const))(
    '%s: %s (%s)',
    (_id, _title, _clauses, session) => playSession(session),
  );
});

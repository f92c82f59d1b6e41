import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { qanat } from './fake-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'qanat-spec-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PONG = '0000000c 00030100 0000000b 00000000';
const PONG_LINES = [
  '0000000c                                  # 12 bytes follow',
  '00030100                                  # PING, RESPONSE',
  '0000000b                                  # correlation 11',
  '00000000                                  # control header of 0 bytes',
  '',
];

describe('spec decode', () => {
  it('explains a frame, from words, from standard input and from a file', async () => {
    const lines = PONG_LINES.join('\n');
    expect(await qanat(['spec', 'decode', PONG])).toMatchObject({ code: 0, out: lines, err: '' });
    expect(await qanat(['spec', 'decode', ...PONG.split(' ')])).toMatchObject({ code: 0, out: lines });
    expect(await qanat(['spec', 'decode'], { stdin: `# a pong\n${PONG.replaceAll(' ', ':')}\n` })).toMatchObject({ out: lines });
    const file = join(folder, 'pong.bin');
    writeFileSync(file, Buffer.from(PONG.replaceAll(' ', ''), 'hex'));
    expect(await qanat(['spec', 'decode', '--file', file])).toMatchObject({ code: 0, out: lines });
  });

  it('ends with 1 and marks what is wrong', async () => {
    const { code, out } = await qanat(['spec', 'decode', '0000000d000301000000000b00000000']);
    expect(code).toBe(1);
    expect(out).toContain('# WRONG: the frame goes on for 1 bytes that are not here');
  });

  it('is a list for programs with -o json', async () => {
    const { out } = await qanat(['spec', 'decode', PONG, '-o', 'json']);
    expect(JSON.parse(out)[1]).toEqual({ hex: '00030100', text: 'PING, RESPONSE', depth: 0, wrong: false });
  });

  it.each([
    [['zz'], '"z" is no hex digit'],
    [['abc'], '3 hex digits are no whole bytes'],
    [['--file', 'no/such/file'], 'cannot read the bytes'],
    [['00', '--file', 'x'], 'exclude each other'],
    [['00', '--as', 'song'], 'Allowed choices are stream, batch, entry'],
  ])('%j is refused: %s', async (argv, why) => {
    const { code, err } = await qanat(['spec', 'decode', ...argv]);
    expect(code).toBe(2);
    expect(err).toContain(why);
  });
});

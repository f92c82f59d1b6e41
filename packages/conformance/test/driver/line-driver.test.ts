import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LineDriver } from '../../src/driver/line-driver.ts';
import { DRIVER_LINE_CHARACTERS_MAX, LineSplitter } from '../../src/driver/line-splitter.ts';
import type { CallError } from '../../src/history/event.ts';

const hostile = fileURLToPath(new URL('hostile-driver.mjs', import.meta.url));
const PATIENCE_MS = 60_000;

/** Asks a hostile driver to start something. @returns why there is no answer. */
async function startOf(mode: string): Promise<{ driver: LineDriver; error: CallError | undefined }> {
  const driver = await LineDriver.open({ command: `"${process.execPath}" "${hostile}" ${mode}` });
  const error = await new Promise<CallError | undefined>((resolve) => driver.call('start', { server: 's' }, resolve));
  return { driver, error };
}

describe('a driver that breaks its protocol', { timeout: PATIENCE_MS }, () => {
  it.each([
    ['crashes', 'the driver ended with 7'],
    ['garbage', 'this line of the driver is no JSON'],
    ['one-line', 'a line of the driver is longer than'],
  ])('%s: every call fails at once, and it is ended', async (mode, why) => {
    const { driver, error } = await startOf(mode);
    expect(error?.text).toContain(why);
    const later = await new Promise<CallError | undefined>((resolve) => driver.call('kill', {}, resolve));
    expect(later?.text).toContain(why);
    await driver.close();
  });

  it('answers twice: it is told so', async () => {
    const { driver } = await startOf('twice');
    await expect.poll(() => driver.dead, { timeout: PATIENCE_MS }).toContain('which is not open');
    await driver.close();
  });

  it('crashes and leaves a child behind that holds its output: the child ends too', async () => {
    const driver = await LineDriver.open({ command: `"${process.execPath}" "${hostile}" leaves-a-child` });
    const pid = new Promise<number>((resolve) => driver.onTold((_, __, args) => resolve((args as { pid: number }).pid)));
    const error = await new Promise<CallError | undefined>((resolve) => driver.call('start', { server: 's' }, resolve));
    expect(error?.text).toContain('the driver ended with 7');
    const child = await pid;
    await expect.poll(() => isThere(child), { timeout: PATIENCE_MS }).toBe(false);
    await driver.close();
  });
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('LineSplitter', () => {
  const linesOf = (...pieces: string[]): { lines: string[]; fits: boolean } => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    return { fits: pieces.every((piece) => splitter.push(piece)), lines };
  };

  it('joins pieces, and passes over empty lines', () => {
    expect(linesOf('{"a"', ':1}\n\n{"b":', '2}', '\n{')).toEqual({ lines: ['{"a":1}', '{"b":2}'], fits: true });
  });

  it('gives up a line that is too long, and keeps nothing of it', () => {
    const half = 'x'.repeat(DRIVER_LINE_CHARACTERS_MAX / 2);
    expect(linesOf('{}\n', half, half).fits).toBe(true);
    expect(linesOf('{}\n', half, half, 'x')).toEqual({ lines: ['{}'], fits: false });
  });
});

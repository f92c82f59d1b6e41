import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../src/cli/main.ts';

/** What a command said, and how it ended. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command as from a shell, in this process. */
export async function run(...argv: readonly string[]): Promise<Said> {
  const said = { out: '', err: '' };
  const add = (where: 'out' | 'err') => (text: string) => {
    said[where] += text;
  };
  const code = await runCommand(argv, { out: add('out'), err: add('err'), interactive: false });
  return { code, ...said };
}

/** A folder for the files of a test. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'qanat-kit-'));

  file(name: string, content?: unknown): string {
    const path = join(this.path, name);
    if (content !== undefined) writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { CliError, ExitCode, usageError } from '../errors.ts';
import type { Session } from '../session.ts';

const CHUNK_BYTES = 256 * 1024;

/** Where the messages of `send` come from. */
export type LineSource =
  | { readonly kind: 'body'; readonly bytes: Uint8Array }
  | { readonly kind: 'stream'; readonly stream: Readable };

/** An argument, a file, or standard input. @throws CliError when the file cannot be read. */
export async function openLineSource(session: Session, body: string | undefined, file: string | undefined): Promise<LineSource> {
  if (body !== undefined && file !== undefined) throw usageError('a message and --lines exclude each other');
  if (body !== undefined) return { kind: 'body', bytes: Buffer.from(body) };
  if (file !== undefined && file !== '-') return { kind: 'stream', stream: await openFile(file) };
  if (session.io.stdin.isTTY === true) session.info('reading', 'each line is a message; Ctrl-D ends');
  return { kind: 'stream', stream: session.io.stdin };
}

async function openFile(file: string): Promise<Readable> {
  try {
    const handle = await open(file);
    if ((await handle.stat()).isDirectory()) {
      await handle.close();
      throw usageError(`--lines: ${file} is a directory`);
    }
    return handle.createReadStream({ highWaterMark: CHUNK_BYTES });
  } catch (error) {
    if (error instanceof CliError) throw error;
    const { code, message } = error as { code?: string; message: string };
    throw new CliError(code === 'ENOENT' ? ExitCode.USAGE : ExitCode.FAILURE, `--lines: ${message}`);
  }
}

/** The chunks of a stream, until its end or the signal. */
export async function* chunksOf(stream: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = (): void => void stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of stream) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

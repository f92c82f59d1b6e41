import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { canAsk } from './confirm.ts';
import { CliError, ExitCode, usageError } from './errors.ts';
import type { Session } from './session.ts';

const firstLine = (text: string): string => text.split(/\r?\n/, 1)[0] ?? '';

/** The first line of a file; `-` is standard input. @throws CliError. */
export async function passwordFromFile(session: Session, file: string): Promise<string> {
  if (file === '-') return passwordFromInput(session);
  try {
    return firstLine(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CliError(ExitCode.USAGE, `cannot read the password: ${(error as Error).message}`, undefined, error);
  }
}

async function passwordFromInput(session: Session): Promise<string> {
  let text = '';
  for await (const chunk of session.io.stdin) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return firstLine(text);
}

/** Takes what is typed and shows nothing of it. */
const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });

/** Asks for a password on the terminal, unseen. @throws CliError where nobody can be asked. */
export async function askPassword(session: Session, question: string): Promise<string> {
  if (!canAsk(session))
    throw usageError('there is no terminal to ask for a password', 'give it with --password-file FILE, or - for standard input');
  session.io.stderr.write(question);
  const reader = createInterface({ input: session.io.stdin, output: nowhere(), terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      reader.once('line', resolve);
      reader.once('close', () => reject(new CliError(ExitCode.FAILURE, 'no password was given')));
      session.signal.addEventListener('abort', () => reader.close(), { once: true });
    });
  } finally {
    session.io.stderr.write('\n');
    reader.close();
  }
}

/** Asks twice: nobody sees what he types. @throws CliError. */
export async function askNewPassword(session: Session, user: string): Promise<string> {
  const password = await askPassword(session, `New password of ${user}: `);
  if ((await askPassword(session, 'Once more: ')) === password) return password;
  throw new CliError(ExitCode.FAILURE, 'the two passwords differ; nothing was changed');
}

import { readFileSync } from 'node:fs';
import { View } from '../history/view.ts';
import { runProgram, type Site } from '../run/run-program.ts';
import type { Login } from '../users/user.ts';
import { UsageError } from './say.ts';

interface LoginOptions {
  readonly endpoint?: string;
  readonly user?: string;
  readonly passwordFile?: string;
}

/** @throws UsageError where the two options are not given together, or for another subject. */
export function loginOf({ user, passwordFile, endpoint }: LoginOptions): Login | undefined {
  if (user === undefined && passwordFile === undefined) return undefined;
  if (user === undefined || passwordFile === undefined || endpoint === undefined)
    throw new UsageError('a login is a user with a password at an endpoint', 'give --endpoint, --user and --password-file');
  return { user, password: firstLineOf(passwordFile) };
}

function firstLineOf(file: string): string {
  try {
    return readFileSync(file === '-' ? process.stdin.fd : file, 'utf8').split(/\r?\n/)[0] ?? '';
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`, 'a file whose first line is the password');
  }
}

/** Why no program would be answered at an endpoint: told before hundreds of them find it out. */
export async function obstacleToLogin(site: Site): Promise<UsageError | undefined> {
  const { events } = await runProgram(site, { family: '', role: site.role, steps: [{ op: 'open' }] }, []);
  const view = new View(events, 0);
  const refusal = view.requests('AUTH').find(({ code }) => code !== undefined)?.code;
  if (site.login !== undefined && refusal !== undefined)
    return new UsageError(`this server does not let "${site.login.user}" in: ${refusal}`, 'check --user and --password-file');
  if (site.login !== undefined || view.requests('HELLO')[0]?.code !== 'UNAUTHENTICATED') return undefined;
  return new UsageError('this server asks who its clients are', 'give --user and --password-file: an administrator');
}

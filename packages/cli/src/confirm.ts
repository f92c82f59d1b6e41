import { createInterface } from 'node:readline/promises';
import type { Session } from './session.ts';

/** Whether somebody can be asked. */
export const canAsk = (session: Session): boolean => session.io.stdin.isTTY === true && session.io.stderr.isTTY === true;

/** Asks a question on the terminal; anything but yes is no. */
export async function confirm(session: Session, question: string): Promise<boolean> {
  const reader = createInterface({ input: session.io.stdin, output: session.io.stderr });
  try {
    const answer = await reader.question(`${question} [y/N] `, { signal: session.signal });
    return /^(y|yes)$/i.test(answer.trim());
  } catch (error) {
    if (session.signal.aborted) return false;
    throw error;
  } finally {
    reader.close();
  }
}

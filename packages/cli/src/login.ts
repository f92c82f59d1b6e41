import type { LoginOptions } from '@qanat/core';
import { askPassword, passwordFromFile } from './password.ts';
import type { Session } from './session.ts';

/** Who the user of the command is, by its global options; the password is asked for where it is not given. */
export async function loginOf(session: Session): Promise<LoginOptions | undefined> {
  const { identity } = session.settings;
  if (identity === undefined || identity === 'certificate') return identity;
  const { user, passwordFrom } = identity;
  const given = session.io.env.QANAT_PASSWORD;
  if (passwordFrom !== undefined) return { user, password: await passwordFromFile(session, passwordFrom) };
  return { user, password: given ?? (await askPassword(session, `Password of ${user}: `)) };
}

import { AuthMechanism, clientProof, decodeBase64, encodeBase64, escapeName, Feature, GS2_HEADER, utf8 } from '@qanat/core';
import { hexOf, isObject, type JsonObject } from '../json.ts';
import { saltedPassword } from '../users/salted-password.ts';
import type { Login } from '../users/user.ts';
import type { KitConnection } from './kit-connection.ts';
import type { Play } from './play.ts';
import { listOf, textOf } from './program.ts';
import { answerTo, begin } from './step-frame.ts';

/** The rounds that the kit derives keys with at the most, whatever a server asks for. */
const ROUNDS_MAX = 1_000_000;

/** A name of the kit's own for each exchange. */
const nonceOf = (connection: KitConnection): string => `kit-nonce-of-connection-${connection.number}`;

/**
 * Logs a connection in by SCRAM-SHA-256, or tries to: `twist` says what is said otherwise than by a client that wants to come
 * in. In the first message `gs2` in the place of `n,,`, `name` (as it stands there), `nonce`, `first`: text behind it; in the
 * last one `channel` in the place of the header, `finalNonce` (`$` stands for the whole one), `middle`: text before the proof,
 * `proof`: hex, `end`: text behind it. What is not said otherwise fits to what was said, the proof too.
 * @param wait for the answer to the last message.
 */
export async function logIn(
  play: Play,
  connection: KitConnection,
  { user, password }: Login,
  twist: JsonObject = {},
  wait = true,
): Promise<void> {
  const bare = `n=${textOf(twist, 'name', escapeName(user))},r=${textOf(twist, 'nonce', nonceOf(connection))}${textOf(twist, 'first')}`;
  const gs2 = textOf(twist, 'gs2', GS2_HEADER);
  const answer = await say(play, connection, gs2 + bare);
  const [, nonce = '', salt = '', rounds = ''] = /^r=([^,]+),s=([^,]*),i=(\d+)/.exec(answer ?? '') ?? [];
  const iterations = Math.min(Number(rounds), ROUNDS_MAX);
  if (iterations < 1 || connection.state === 'closed') return;
  const channel = encodeBase64(utf8(textOf(twist, 'channel', gs2)));
  const open = `c=${channel},r=${textOf(twist, 'finalNonce', '$').replace('$', () => nonce)}${textOf(twist, 'middle')}`;
  const salted = saltedPassword({ password, salt: decodeBase64(salt) ?? new Uint8Array(0), iterations });
  const proof = textOf(twist, 'proof', hexOf(clientProof(salted, `${bare},${answer},${open}`)));
  const last = `${open},p=${Buffer.from(proof, 'hex').toString('base64')}${textOf(twist, 'end')}`;
  if (wait) await say(play, connection, last);
  else begin(play, connection, 'AUTH', headerOf(last));
}

/** Logs the kit in where the answer to HELLO says that the server asks. */
export async function logInWhereAsked(play: Play, connection: KitConnection, hello: number): Promise<void> {
  const helloOk = connection.answerOf(hello);
  const features = isObject(helloOk) ? listOf(helloOk, 'features') : [];
  if (play.login !== undefined && features.includes(Feature.FEATURE_AUTH)) await logIn(play, connection, play.login);
}

const headerOf = (message: string): JsonObject => ({
  mechanism: AuthMechanism.SCRAM_SHA_256,
  data: { $hex: hexOf(utf8(message)) },
});

/** One message of SCRAM. @returns what was answered. */
async function say(play: Play, connection: KitConnection, message: string): Promise<string | undefined> {
  const correlation = begin(play, connection, 'AUTH', headerOf(message));
  await answerTo(play, connection, correlation);
  const answer = connection.answerOf(correlation);
  const data = isObject(answer) ? answer.data : undefined;
  return data instanceof Uint8Array ? new TextDecoder().decode(data) : undefined;
}

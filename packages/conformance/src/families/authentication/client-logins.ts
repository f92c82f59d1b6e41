import { AuthMechanism, decodeBase64, encodeBase64, LIMITS, scramKeys, serverSignature } from '@qanat/core';
import { authsOf } from '../../history/entry.ts';
import { once } from '../../history/once.ts';
import type { ConnectionSeen, Exchange, FrameSeen, View } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { saltedPassword } from '../../users/salted-password.ts';
import { usersIn } from '../../users/user.ts';
import { type ConnectionEnd, endOfConnection, factsOf } from '../clients/facts.ts';
import { type First, readFirst, readServerFirst, type ServerFirst } from './scram-rules.ts';

/** A login of the subject at a server of the kit. */
export interface ClientLogin {
  readonly connection: ConnectionSeen;
  /** As far as they came, and are what they should be. */
  readonly first: First | undefined;
  readonly serverFirst: ServerFirst | undefined;
  readonly begin: Exchange;
  readonly then: Exchange | undefined;
}

/** The subject was given credentials: all its clients, or the broker. */
export const hasCredentials = once((view): boolean => {
  const setup = view.notes('setup')[0]?.args;
  const starts = [...view.calls('producer.start'), ...view.calls('consumer.start')].map(({ call }) => call.args);
  const givesAll = starts.length > 0 && starts.every((args) => isObject(args) && args.credentials !== undefined);
  return givesAll || (isObject(setup) && setup.credentials !== undefined);
});

/** Connections of the subject to servers of the kit. */
export const ownConnections = (view: View): readonly ConnectionSeen[] => (hasCredentials(view) ? factsOf(view).connections : []);

const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes ?? new Uint8Array(0));

export const clientLogins = once((view): readonly ClientLogin[] =>
  ownConnections(view).flatMap((connection) => {
    const [begin, then] = authsOf(connection);
    if (begin === undefined || begin.header?.mechanism !== AuthMechanism.SCRAM_SHA_256) return [];
    const first = readFirst(textOf(begin.header.data));
    const known = typeof first === 'string' ? undefined : first;
    return [{ connection, first: known, serverFirst: readServerFirst(textOf(begin.answer?.data)), begin, then }];
  }),
);

/** Why a client must not go on behind the server's first message; undefined where it may. */
export function whyNotToGoOn({ first, begin }: ClientLogin): string | undefined {
  const message = textOf(begin.answer?.data);
  if (begin.answer === undefined || first === undefined) return undefined;
  const answer = readServerFirst(message);
  if (answer === undefined) return undefined;
  if (!answer.nonce.startsWith(first.nonce)) return 'whose nonce does not begin with its own';
  if (answer.nonce === first.nonce) return 'whose nonce does not go on behind its own';
  if (answer.salt === '') return 'whose salt is empty';
  if (answer.rounds < LIMITS.SCRAM_ITERATIONS_MIN) return `that asks for ${answer.rounds} rounds`;
  return answer.rounds > LIMITS.SCRAM_ITERATIONS_MAX ? `that asks for ${answer.rounds} rounds` : undefined;
}

/** What is wrong with the proof of a server that says `done`; undefined where it is right, or the program does not tell. */
export function wrongSignature(view: View, { first, serverFirst, then }: ClientLogin): string | undefined {
  const password = passwordOf(view, first?.user);
  if (then?.answer?.done !== true || first === undefined || serverFirst === undefined || password === undefined) return undefined;
  const said = textOf(then.answer.data);
  if (said === '') return 'no signature';
  const salt = decodeBase64(serverFirst.salt) ?? new Uint8Array(0);
  const salted = saltedPassword({ password, salt, iterations: serverFirst.rounds });
  const open = textOf(then.header?.data).replace(/,p=[^,]*$/, '');
  const keys = scramKeys(salted, salt, serverFirst.rounds);
  const right = `v=${encodeBase64(serverSignature(keys.serverKey, `${first.bare},${serverFirst.text},${open}`))}`;
  return said === right ? undefined : 'a wrong signature';
}

/** The kit's servers know their users by the set-up. */
function passwordOf(view: View, user: string | undefined): string | undefined {
  const setup = view.notes('setup')[0]?.args;
  if (!isObject(setup)) return undefined;
  const users = usersIn(setup.users) ?? (isObject(setup.kit) ? usersIn(setup.kit.users) : undefined);
  return users?.find(({ name }) => name === user)?.password;
}

/** What the subject sends on a connection behind a frame. */
export const sentBehind = ({ frames }: ConnectionSeen, at: FrameSeen): FrameSeen | undefined =>
  frames.find(({ from, index }) => from === 'subject' && index > at.index);

export const endOf = (view: View, connection: ConnectionSeen): ConnectionEnd => endOfConnection(factsOf(view), connection);

import { AuthMechanism, LIMITS } from '@qanat/core';
import { asks, authsOf, entryOf } from '../../history/entry.ts';
import { once } from '../../history/once.ts';
import type { ConnectionSeen, Exchange, View } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import type { User } from '../../users/user.ts';
import { dialled, isWhole } from '../connection/circumstances.ts';
import { usersAt } from './known-users.ts';
import { type Fault, type First, faultOfLast, readFirst, readServerFirst, type ServerFirst } from './scram-rules.ts';

/** One try of the kit to log a connection in: all its AUTH frames until it is in, or refused. */
export interface Attempt {
  readonly connection: ConnectionSeen;
  readonly mechanism: number;
  readonly exchanges: readonly Exchange[];
  /** The last one that was sent. */
  readonly last: Exchange;
  /** Of SCRAM, where they are what RFC 5802 allows. */
  readonly first: First | undefined;
  readonly serverFirst: ServerFirst | undefined;
  /** It was said whole: the server has to decide. */
  readonly isWhole: boolean;
  /** Why it must not succeed. */
  readonly fault: Fault | undefined;
  /** Nobody knows whether it should: the program does not tell the users, or they were just changing. */
  readonly isDoubtful: boolean;
  readonly outcome: 'in' | 'refused' | 'other' | 'open';
}

/** The names of the certificate that the kit has shown on a connection; undefined where it showed none. */
export function certificateOf(view: View, { number }: ConnectionSeen): readonly string[] | undefined {
  const note = view.notes('certificate').find(({ args }) => isObject(args) && args.connection === number);
  const names = isObject(note?.args) ? note.args.names : undefined;
  return Array.isArray(names) ? names.map(String) : undefined;
}

/** A right user, of whom a certificate is one. */
export const certified = (users: readonly User[], names: readonly string[]): User | undefined =>
  users.find(({ name, certificate }) => certificate && names.includes(name));

/** What the kit tried, one for each connection at the most: behind it AUTH is out of place. */
export const attemptsOf = once((view): readonly Attempt[] =>
  dialled(view).flatMap((connection) => {
    if (!asks(connection) || !isWhole(connection)) return [];
    const entry = entryOf(connection);
    const exchanges = authsOf(connection).filter(({ request }) => entry === undefined || request.index < entry.index);
    const whole = exchanges.every(({ request, header }) => header !== undefined && request.flags === 0);
    if (exchanges.length === 0 || !whole) return [];
    const attempt = attemptOf(view, connection, exchanges);
    return isInPlace(connection, attempt.last.request.index) ? [attempt] : [];
  }),
);

/** Nothing came before it that ends the connection for another reason. */
const isInPlace = ({ frames, hello, goAways }: ConnectionSeen, index: number): boolean =>
  !goAways.some((one) => one.from === 'subject' && one.index < index) &&
  frames.every(
    (frame) =>
      frame.from === 'subject' ||
      frame.index <= (hello?.response?.index ?? index) ||
      frame.index > index ||
      (HARMLESS.has(frame.name) && frame.bytes.length - 4 <= LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX),
  );

const HARMLESS: ReadonlySet<string | undefined> = new Set(['AUTH', 'PING', 'GOAWAY']);

function attemptOf(view: View, connection: ConnectionSeen, all: readonly Exchange[]): Attempt {
  // What is said behind a refusal, or without waiting for an answer, is another matter.
  const end = all.findIndex(({ response, answer }) => response === undefined || answer === undefined || answer.done === true);
  const exchanges = end < 0 ? all : all.slice(0, end + 1);
  const [begin] = exchanges as [Exchange];
  const last = exchanges.at(-1) ?? begin;
  const { mechanism } = begin.header;
  const said = { connection, mechanism, exchanges, last, outcome: outcomeOf(last) };
  if (exchanges.some(({ header }) => header.mechanism !== mechanism))
    return { ...said, ...NOTHING, isWhole: true, fault: 'another mechanism on the way' };
  return mechanism === AuthMechanism.SCRAM_SHA_256 ? scram(view, said) : external(view, said);
}

const NOTHING = { first: undefined, serverFirst: undefined, isDoubtful: false } as const;

type Said = Pick<Attempt, 'connection' | 'mechanism' | 'exchanges' | 'last' | 'outcome'>;

function outcomeOf({ response, answer, code }: Exchange): Attempt['outcome'] {
  if (response === undefined) return 'open';
  if (answer?.done === true) return 'in';
  return code === 'AUTH_FAILED' ? 'refused' : 'other';
}

const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes ?? new Uint8Array(0));

function scram(view: View, said: Said): Attempt {
  const [begin, then, ...more] = said.exchanges as [Exchange, ...Exchange[]];
  const first = readFirst(textOf(begin.header.data));
  if (typeof first === 'string') return { ...said, ...NOTHING, isWhole: true, fault: first };
  const serverFirst = readServerFirst(textOf(begin.answer?.data));
  const known = { ...said, first, serverFirst };
  if (then === undefined || serverFirst === undefined) return { ...known, isDoubtful: false, isWhole: false, fault: undefined };
  if (more.length > 0) return { ...known, isDoubtful: false, isWhole: true, fault: 'a third message' };
  const users = usersAt(view, then.request.index);
  const fault = faultOfLast(
    textOf(then.header.data),
    first,
    serverFirst,
    users?.find(({ name }) => name === first.user),
  );
  const isMessage = fault !== undefined && !OF_USERS.has(fault);
  return { ...known, isWhole: true, fault, isDoubtful: users === undefined && !isMessage };
}

/** Faults that nobody can know who does not know the users. */
const OF_USERS: ReadonlySet<Fault> = new Set(['a name that does not exist', 'a user who has no password', 'a wrong proof']);

/** Whether the exchange is right, and only the one who says it is not. */
export const isOfUsers = ({ fault }: Attempt): boolean => fault !== undefined && OF_USERS.has(fault);

function external(view: View, said: Said): Attempt {
  const names = certificateOf(view, said.connection);
  const users = usersAt(view, said.last.request.index);
  const isRight = users !== undefined && names !== undefined && certified(users, names) !== undefined;
  const fault = names === undefined ? 'no certificate' : isRight ? undefined : 'a certificate of nobody who may come with one';
  return { ...said, ...NOTHING, isWhole: true, fault, isDoubtful: users === undefined && names !== undefined };
}

/** Who the kit is by a login, as the program has told the subject; undefined where that is not sure. */
export function userBy(view: View, { outcome, fault, isDoubtful, first, last, connection }: Attempt): User | undefined {
  if (outcome !== 'in' || fault !== undefined || isDoubtful) return undefined;
  const name = first?.user ?? entryOf(connection)?.principal;
  return usersAt(view, last.request.index)?.find((user) => user.name === name);
}

/** Somebody was let in who should be: a server that lets nobody in refuses the wrong ones by accident. */
export const letsIn = once((view): boolean =>
  attemptsOf(view).some(({ outcome, fault, isDoubtful }) => outcome === 'in' && (fault === undefined || isDoubtful)),
);

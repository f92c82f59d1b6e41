import { Feature, FRAMES, type LiveFrame, ServerRoleNames } from '@qanat/core';
import { entryOf } from '../../history/entry.ts';
import { once } from '../../history/once.ts';
import { type ConnectionSeen, codeName, type Exchange, type FrameSeen, type View } from '../../history/view.ts';
import { type User, userText } from '../../users/user.ts';
import { changesOf } from '../authentication/known-users.ts';
import { attemptsOf, userBy } from '../authentication/logins.ts';
import { type Ruling, rulingOn, rulingOnRoute } from './access-rules.ts';

/** A request of somebody who is known, and what has to become of it. */
export interface Asked {
  readonly who: User;
  readonly name: LiveFrame;
  readonly frame: FrameSeen;
  /** Undefined for what is one-way. */
  readonly exchange: Exchange | undefined;
  readonly ruling: Ruling;
}

/** One place at which a server shows whether somebody may do something: an answer, or a route in one. */
export interface Decision {
  readonly who: User;
  /** For sentences. */
  readonly what: string;
  readonly at: FrameSeen;
  readonly forbids: boolean;
  /** The code that says otherwise, where there is one. */
  readonly code: string | undefined;
  readonly ruling: Ruling;
}

/** Codes that say nothing about who asks, nor about what there is. */
const GENERAL: ReadonlySet<string | undefined> = new Set(['TOO_MANY_REQUESTS', 'SHUTTING_DOWN', 'NOT_READY', 'INTERNAL']);

/** Up to here on a connection he is who he was. */
function constantUntil(view: View, { name }: User, from: number): number {
  const changed = changesOf(view).find(({ from: at, before, after }) => {
    const [old, now] = [before, after].map((users) => users.find((user) => user.name === name));
    return at > from && (old === undefined || now === undefined || userText(old) !== userText(now));
  });
  return changed?.from ?? view.events.length;
}

const isServedBy = ({ helloOk }: ConnectionSeen, name: LiveFrame): boolean =>
  FRAMES[name].at === ServerRoleNames[helloOk?.role]?.toLowerCase();

/** Of a frame whose feature is not active nobody can tell what he would be allowed. */
const isActive = ({ helloOk }: ConnectionSeen, name: LiveFrame): boolean => {
  const { feature } = FRAMES[name];
  return feature === '' || ((helloOk?.features ?? []) as readonly number[]).includes(Feature[feature as keyof typeof Feature]);
};

/** Nothing else is wrong with it than what is in it. */
const isPlain = ({ isOneWay, isResponse, more, correlation, from }: FrameSeen): boolean =>
  from === 'kit' && !isResponse && !more && (isOneWay || correlation % 2 === 1);

/** Everything that was asked by somebody of whom the program tells what he may. */
export const askedIn = once((view): readonly Asked[] =>
  attemptsOf(view).flatMap((attempt) => {
    const who = userBy(view, attempt);
    const { connection } = attempt;
    const entry = entryOf(connection);
    if (who === undefined || entry === undefined) return [];
    const until = Math.min(constantUntil(view, who, entry.index), connection.goAways[0]?.index ?? connection.closedIndex);
    return connection.frames.flatMap((frame) => {
      const { name, index, header } = frame;
      if (name === undefined || index < entry.index || index > until || !isPlain(frame) || !isServedBy(connection, name))
        return [];
      if (!isActive(connection, name)) return [];
      const ruling = rulingOn(who, name, header);
      const exchange = connection.exchanges.find(({ request }) => request === frame);
      if (ruling === undefined || (exchange?.requests.length ?? 1) > 1) return [];
      return [{ who, name, frame, exchange, ruling }];
    });
  }),
);

/** What the subject has decided. Answers that say nothing about rights are none. */
export const decisionsIn = once((view): readonly Decision[] =>
  askedIn(view).flatMap(({ who, name, exchange, ruling }): readonly Decision[] => {
    const { response, code, answer, header } = exchange ?? {};
    if (response === undefined || header === undefined || GENERAL.has(code)) return [];
    // Whose a producer id is stands in no table.
    const isTakeOver = name === 'INIT_PRODUCER' && header.producerId !== 0;
    const own = isTakeOver ? [] : [{ who, what: name, at: response, forbids: code === 'FORBIDDEN', code, ruling }];
    return [...own, ...routesIn(who, response, name === 'ROUTE_QUERY' ? answer : undefined)];
  }),
);

const routesIn = (who: User, at: FrameSeen, answer: { readonly routes: readonly RouteSeen[] } | undefined): readonly Decision[] =>
  (answer?.routes ?? []).map(({ topic, code, shares }) => ({
    who,
    what: `the route of ${topic}`,
    at,
    forbids: codeName(code) === 'FORBIDDEN' && shares.length === 0,
    code: code === 0 ? undefined : codeName(code),
    ruling: rulingOnRoute(who, topic),
  }));

interface RouteSeen {
  readonly topic: string;
  readonly code: number;
  readonly shares: readonly unknown[];
}

/** Somebody got what he may have: a server that forbids everything forbids the right things by accident. */
export const grantsSomething = once((view): boolean =>
  decisionsIn(view).some(({ ruling, forbids }) => ruling.allowed && !forbids),
);

/** For sentences: who it is, with what makes him so. */
export const whoIs = ({ name, roles, permissions }: User): string =>
  `${name} (${roles.join(', ')}${permissions.length === 0 ? '' : `: ${permissions.join('; ')}`})`;

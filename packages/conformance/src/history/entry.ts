import { Feature } from '@qanat/core';
import type { ConnectionSeen, Exchange } from './view.ts';

/** Where the client of a connection is known from on. */
export interface Entry {
  /** The place of the AUTH_OK that says so. */
  readonly index: number;
  readonly atMs: number;
  /** As AUTH_OK tells. */
  readonly principal: string;
}

/** The server asks who is there, on this connection. */
export const asks = ({ helloOk }: ConnectionSeen): boolean => helloOk?.features.includes(Feature.FEATURE_AUTH) === true;

/** AUTH of whoever dialled. */
export const authsOf = ({ exchanges, openedBy }: ConnectionSeen): readonly Exchange[] =>
  exchanges.filter(({ name, request }) => name === 'AUTH' && request.from === openedBy);

const entries = new WeakMap<ConnectionSeen, { readonly entry: Entry | undefined }>();

/** Undefined where the client never gets known. */
export function entryOf(connection: ConnectionSeen): Entry | undefined {
  const known = entries.get(connection);
  if (known !== undefined) return known.entry;
  const done = authsOf(connection).find(({ answer }) => answer?.done === true);
  const { response } = done ?? {};
  const entry =
    response === undefined
      ? undefined
      : { index: response.index, atMs: response.atMs, principal: String(done?.answer.principal) };
  entries.set(connection, { entry });
  return entry;
}

/** Everything is served at this place: nobody is asked, or it is known who is there. */
export const isServedAt = (connection: ConnectionSeen, index: number): boolean =>
  !asks(connection) || (entryOf(connection)?.index ?? Number.POSITIVE_INFINITY) < index;

/** A server that asks who is there says no more than that somebody is not known, or may not do what he asks for. */
export const isOfSecurity = (connection: ConnectionSeen, code: string | undefined): boolean =>
  asks(connection) && (code === 'UNAUTHENTICATED' || code === 'FORBIDDEN' || code === 'AUTH_FAILED');

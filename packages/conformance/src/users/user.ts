import { isObject, type Json } from '../json.ts';
import { flagOf, listOf, numberOf, textOf } from '../play/program.ts';

/** Somebody whom a server is told to know, as drivers are given him. */
export interface User {
  readonly name: string;
  /** Undefined: he has none. */
  readonly password: string | undefined;
  readonly roles: readonly string[];
  /** As the chapter of authorization writes them: `read,write topic:orders`. */
  readonly permissions: readonly string[];
  /** He may come with a certificate of his name. */
  readonly certificate: boolean;
  /** Requests in a second over all his connections; 0: no limit. */
  readonly requestsPerSecond: number;
}

/** Who somebody says that he is, and how he proves it. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** Reads the `users` of a set-up or of a call. Undefined where there is no list: then nobody is asked. */
export function usersIn(json: Json | undefined): readonly User[] | undefined {
  if (!Array.isArray(json)) return undefined;
  return json.filter(isObject).map((user) => ({
    name: textOf(user, 'name'),
    password: typeof user.password === 'string' ? user.password : undefined,
    roles: listOf(user, 'roles').map(String),
    permissions: listOf(user, 'permissions').map(String),
    certificate: flagOf(user, 'certificate'),
    requestsPerSecond: numberOf(user, 'requestsPerSecond', 0),
  }));
}

/** Two records of one name with the same text are the same. */
export const userText = (user: User): string => JSON.stringify(user);

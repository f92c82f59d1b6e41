import { Part } from './part.ts';

export const ADMINISTRATION = new Part('administration', () => import('./parts/administration.ts'));
export const CONSUMERS = new Part('consumers', () => import('./parts/consumers.ts'));
export const KEYED_STATE = new Part('keyed state', () => import('./parts/keyed-state.ts'));
export const LOGINS = new Part('logins', () => import('./parts/logins.ts'));

/**
 * Loads now what the first consumer, administrative call and call of keyed state would load: for a page that may lose its server
 * before, and for tests whose time is virtual. Logins are loaded by `connect`, and are not waited for here.
 * @throws QanatError CONNECTION_FAILED: a file cannot be fetched.
 */
export async function loadParts(): Promise<void> {
  await Promise.all([ADMINISTRATION.load(), CONSUMERS.load(), KEYED_STATE.load()]);
}

import type { Role } from '../../driver/driver.ts';

/** Whom the rules for all clients bind. */
export const CLIENTS: readonly Role[] = ['producer', 'consumer'];

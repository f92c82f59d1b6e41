import type { Step } from '../../play/program.ts';

/** A connection with HELLO. */
export const OPEN: Step = { op: 'open' };
/** A connection on which the kit has said nothing. */
export const SILENT: Step = { op: 'open', hello: false };
/** What came before on the last connection was handled. */
export const FENCE: Step = { op: 'fence' };
/** The subject closes the last connection. */
export const GONE: Step = { op: 'awaitClose' };

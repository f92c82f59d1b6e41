import type { UserTable } from './user-table.ts';

/** What makes a server ask who its clients are. Without it nobody is asked, and everybody may do everything. */
export interface ServerSecurity {
  /** Whom it knows now: a change takes effect with the next frame of the server that is told of it (`setUsers`). */
  readonly users: UserTable;
  /** A nonce of SCRAM: printable ASCII without a comma, at least 128 bits of a cryptographic source. */
  nonce(): string;
}

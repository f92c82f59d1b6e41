/** Chapters 03 to 07 and 18: what nobody outside a server can observe. */
export const CONNECTION_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-CON-007': 'version 1.0 knows no feature and no higher minor version: there is nothing to be used too early',
  'QNT-ERR-010': 'a defect of the server itself cannot be provoked from outside, and not be told from another error',
  'QNT-SEC-001': 'where a server listens by default, and what it tells its operator, stands in its settings and its log',
  'QNT-SEC-007': 'whether a server starts with the listeners that it is given stands in its settings and its exit code',
};

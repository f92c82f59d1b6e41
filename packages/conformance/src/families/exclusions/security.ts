/** Of the chapter of authentication, for everybody whom it binds. */
export const SECURITY_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-AUT-013': 'what a server keeps of a password, and what it logs, does not show on the wire',
  'QNT-AUT-019': 'where a server listens, and with or without TLS, is up to its operator',
};

/** Of brokers, which log in at NameServers. */
export const BROKER_LOGIN_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-AUT-018': 'what a broker tells its operator does not show, and how it tries again is judged by the requirements QNT-REG',
};

const DIALS = 'binds who opens connections and says who it is: a NameServer does neither';

/** Of NameServers. */
export const NAME_SERVER_LOGIN_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-AUT-002': DIALS,
  'QNT-AUT-010': DIALS,
  'QNT-AUT-011': DIALS,
  'QNT-AUT-016': DIALS,
  'QNT-AUT-018': DIALS,
};

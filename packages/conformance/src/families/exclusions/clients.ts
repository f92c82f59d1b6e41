const SERVERS_ONLY = 'binds servers: a client does nothing of the kind';
const NO_REQUESTS = 'shows in answers to requests: servers send a client none but PING, whose control header is empty';
const NO_TLS = 'needs TLS, which the servers of this kit do not speak';

/** What binds clients as well as servers, and shows at servers only, or not at all. */
export const CLIENT_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-TYP-004': NO_REQUESTS,
  'QNT-TYP-005': NO_REQUESTS,
  'QNT-TYP-006': NO_REQUESTS,
  'QNT-NAM-003': 'what a client sorts are queues, for keys: their order decides between equal weights only (QNT-SND-024)',
  'QNT-NAM-008': 'binds who compares filters: brokers',
  'QNT-FRM-015': 'the one request of several frames is REGISTER_BROKER, which no producer and no consumer sends',
  'QNT-FRM-016': SERVERS_ONLY,
  'QNT-FRM-017': SERVERS_ONLY,
  'QNT-LIM-001': 'what a client gathers does not show, but for frames that MORE joins (QNT-FRM-013)',
  'QNT-TCP-007': 'needs a host name with two addresses, which a kit cannot make on every machine',
  'QNT-TCP-009': NO_TLS,
  'QNT-TCP-010': NO_TLS,
};

/** Of consumers alone. */
export const CONSUMER_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-COR-011': 'shows in outcomes that callers are told: a consumer asks brokers on its own behalf',
  'QNT-RTE-023': 'binds who creates topics on demand: consumers wait for theirs',
  'QNT-GRP-004': 'drivers have no operation that changes the subscription of a consumer that runs',
};

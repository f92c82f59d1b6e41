/** What nobody outside a producer or consumer can observe of the rules for all. */
export const CLIENT_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-NAM-008': 'what a client compares filters for does not show: it is brokers that hold those of different members together',
  'QNT-FRM-015': 'the one request of several frames is REGISTER_BROKER, which clients do not send',
  'QNT-FRM-016': 'binds servers: a client sends no one-way frame of several frames',
  'QNT-FRM-017': 'binds servers: a client refuses requests of one frame only',
  'QNT-TCP-007':
    'needs a host name with several addresses: which one has, and which of them comes first, is up to the resolver of the machine',
  'QNT-RTE-027': 'needs brokers with endpoints of several schemes that the client serves: a run of the kit has one scheme',
  'QNT-RTE-028': 'needs a NameServer that the client reaches over TLS: those of the kit speak without',
  'QNT-TCP-009': 'needs a server with a certificate that the client trusts: those of the kit speak TCP without TLS',
  'QNT-TCP-010': 'needs an address for TLS: those of the kit are all without, so that there is nothing to fail',
};

/** Of consumers alone. */
export const CONSUMER_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-NAM-003': 'nothing that a consumer does depends on an order of texts: brokers deal the queues out',
  'QNT-COR-011': 'a consumer tells its application no outcome of a request: what was not sent and what got lost look alike',
  'QNT-RTE-023': 'binds who creates topics on demand: a consumer reads those that are there',
  'QNT-RPL-086': 'grants a freedom: there is nothing to break',
  'QNT-GRP-004': 'a subscription is given with the start of a member: drivers have no operation that changes it later',
};

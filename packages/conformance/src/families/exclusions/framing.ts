const REGISTRATIONS = 'the one request of several frames is REGISTER_BROKER, so that it shows at a NameServer only';

/** The invariants and chapters 01, 02 and 17, as far as they bind servers. */
export const FRAMING_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-FRM-011': REGISTRATIONS,
  'QNT-FRM-012': REGISTRATIONS,
  'QNT-FRM-013': REGISTRATIONS,
  'QNT-FRM-015': REGISTRATIONS,
  'QNT-TCP-011': 'needs a server with TLS: a run of the kit speaks without',
  'QNT-TCP-012': 'needs a server with TLS: a run of the kit speaks without',
};

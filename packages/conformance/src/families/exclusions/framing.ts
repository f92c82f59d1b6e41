const DIALLING =
  'binds who dials: the servers of this version dial nobody but NameServers, by addresses that a kit would have to give them';
const REGISTRATIONS = 'the one request of several frames is REGISTER_BROKER, so that it shows at a NameServer only';

/** The invariants and chapters 01, 02 and 17, as far as they bind servers. */
export const FRAMING_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-INV-005': DIALLING,
  'QNT-INV-011': 'binds relays: servers and clients forward no frames',
  'QNT-TYP-008': 'the only lists of integers are those of features, of which version 1.0 has none, and of queues to reset',
  'QNT-FRM-003': 'what memory an implementation reserves does not show on the wire',
  'QNT-FRM-011': REGISTRATIONS,
  'QNT-FRM-012': REGISTRATIONS,
  'QNT-FRM-013': REGISTRATIONS,
  'QNT-FRM-015': REGISTRATIONS,
  'QNT-FRM-020': 'a NameServer answers everything at once: nothing is surely in flight when another request comes',
  'QNT-FRM-030': 'recommends what test tools do: this kit sends such numbers',
  'QNT-TYP-005': 'no request that a NameServer serves has an enumeration',
  'QNT-NAM-008': 'a NameServer knows no filters',
  'QNT-TCP-005': 'how bytes are laid in segments is up to the system below, and does not show to a peer that reads a stream',
  'QNT-TCP-007': DIALLING,
  'QNT-TCP-008': 'how much an implementation gathers does not show; what it does beyond its limit is looked at with QNT-LIM-010',
  'QNT-TCP-009': DIALLING,
  'QNT-TCP-010': DIALLING,
};

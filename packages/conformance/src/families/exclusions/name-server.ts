/** What a NameServer has no occasion for: it answers everything at once, and sees no messages. */
export const NAME_SERVER_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-RTE-026': 'needs a NameServer with several listeners: a driver of the kit starts it with one, whose name it does not tell',
  'QNT-FRM-020': 'a NameServer answers everything at once: nothing is surely in flight when another request comes',
  'QNT-TYP-005': 'no request that a NameServer serves has an enumeration',
  'QNT-NAM-008': 'a NameServer knows no filters',
  'QNT-CON-018': 'a NameServer has nothing to wait for: it ends the connection with its GOAWAY, so that no later request is read',
  'QNT-COR-006': 'a NameServer answers everything at once: no number of requests is surely in flight together',
  'QNT-ERR-008': 'no request to a NameServer bears a payload, properties or secrets',
  'QNT-BAT-008': 'binds who reads batches: a NameServer is sent none',
  'QNT-BAT-009': 'binds who reads batches: a NameServer is sent none',
  'QNT-BAT-016': 'binds who reads records: a NameServer is sent none',
  'QNT-BAT-018': 'binds who reads batches: a NameServer is sent none',
};

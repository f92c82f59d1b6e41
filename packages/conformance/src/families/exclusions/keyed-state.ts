const NO_OPERATION = 'drivers have no operation for keyed state or dedup ids: what such a client does cannot be brought about';

/** Of brokers. */
export const KEYED_STATE_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-KST-031': 'binds the files of brokers that claim the format: over the wire no entry is seen; what follows is QNT-KST-023',
  'QNT-KST-033': 'a permission: whoever does not make use of it keeps every rule too',
};

/** Of everybody: what binds clients. */
export const KEYED_STATE_CLIENT_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-KST-012': NO_OPERATION,
  'QNT-KST-029': NO_OPERATION,
  'QNT-KST-030': NO_OPERATION,
  'QNT-KST-032': NO_OPERATION,
};

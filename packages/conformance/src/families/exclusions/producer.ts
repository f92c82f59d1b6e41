const READS_NO_BATCHES = 'binds who reads records: a producer reads none';

/** Of chapters 10 and 11, for producers. */
export const PRODUCER_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-BAT-008': READS_NO_BATCHES,
  'QNT-BAT-009': READS_NO_BATCHES,
  'QNT-BAT-016':
    'binds who reads records: the messages of a call are JSON objects, in which no property name comes twice, and a producer reads none',
};

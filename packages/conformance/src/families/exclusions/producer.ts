/** Of chapters 01, 10 and 11, for producers. */
export const PRODUCER_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-NAM-003': 'the one list that a producer sorts is that of the queues for a key, which shows as QNT-SND-024',
  'QNT-BAT-008': 'binds who reads batches: a producer is sent none',
  'QNT-BAT-009': 'binds who reads batches: a producer is sent none',
  'QNT-BAT-016':
    'binds who reads records: the messages of a call are JSON objects, in which no property name comes twice, and a producer reads none',
};

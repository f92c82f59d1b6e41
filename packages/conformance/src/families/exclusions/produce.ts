const FAILING_DISK =
  'needs a disk whose writes fail: a kit outside of the broker can stop it and cut its power, not break its disk';
const DAMAGED_STORE =
  'needs damaged files: how they lie on the disk is the broker’s own affair, so that a kit cannot damage them';

/** Of chapters 11 and 16. */
export const PRODUCE_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-SND-005': FAILING_DISK,
  'QNT-SND-006': FAILING_DISK,
  'QNT-SND-016': FAILING_DISK,
  'QNT-LOG-001': 'binds the form of files; what follows from it shows as QNT-SND-002 and QNT-LOG-010',
  'QNT-LOG-002': 'binds the files of brokers that claim the format: over the wire no entry is seen',
  'QNT-LOG-004': FAILING_DISK,
  'QNT-LOG-005': FAILING_DISK,
  'QNT-LOG-006': FAILING_DISK,
  'QNT-LOG-007': DAMAGED_STORE,
  'QNT-LOG-008': 'shows only where the newer snapshot is damaged, which a kit cannot bring about',
  'QNT-LOG-009': DAMAGED_STORE,
  'QNT-LOG-013': 'needs a store with entries of a later version, which only that version writes',
  'QNT-LOG-014': 'needs a second process on the same store, for which drivers have no operation',
  'QNT-LOG-016': DAMAGED_STORE,
  'QNT-LOG-018': 'binds what is read at a start: nothing of it shows unless files are damaged',
};

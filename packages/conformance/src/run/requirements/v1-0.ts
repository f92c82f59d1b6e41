/** The last number of each area; none was left out. */
const LAST = {
  INV: 11,
  TYP: 12,
  NAM: 9,
  FRM: 31,
  CON: 27,
  COR: 13,
  ERR: 11,
  LIM: 12,
  KAL: 7,
  REG: 23,
  RTE: 25,
  BAT: 21,
  SND: 42,
  PUL: 36,
  OFS: 26,
  GRP: 58,
  ADM: 18,
  LOG: 18,
  TCP: 10,
  SEC: 6,
  RGY: 7,
};

/** The requirements of version 1.0 of the specification (draft of 2026-11). Frozen: nothing is added or taken out. */
export const FROZEN_1_0: readonly string[] = Object.entries(LAST).flatMap(([area, last]) =>
  Array.from({ length: last }, (_, i) => `QNT-${area}-${String(i + 1).padStart(3, '0')}`),
);

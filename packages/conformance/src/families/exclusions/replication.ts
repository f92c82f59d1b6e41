/** Of chapter 25: what a kit that plays the rest of the group cannot bring about. */
export const REPLICATION_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-RPL-064': 'grants a freedom: there is nothing to break',
  'QNT-RPL-069': 'takes a disk that damages a log: no operation of a driver does',
  'QNT-RPL-070': 'takes a disk that damages a log: no operation of a driver does',
  'QNT-RPL-071': 'takes a master whose snapshot does not belong to its log: that of the kit does',
};

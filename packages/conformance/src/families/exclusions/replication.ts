/** Of chapter 25: what a kit that plays the rest of the group cannot bring about. */
export const REPLICATION_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-RPL-064': 'grants a freedom: there is nothing to break',
};

/** Of chapter 25: what a kit that plays the rest of the group cannot bring about. */
export const REPLICATION_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-RPL-001': 'takes a whole group of the subject: what it consists of is judged by QNT-RPL-010 to QNT-RPL-027',
  'QNT-RPL-064': 'grants a freedom: there is nothing to break',
  'QNT-RPL-019': 'takes two masters of one group, of which the NameServers tell the older one later: those of the kit do not',
};

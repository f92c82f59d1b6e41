/** Chapters 03 to 07, 18 and 19: what nobody outside a server or client can observe. */
export const CONNECTION_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-COR-004': 'grants a freedom: there is nothing to break',
  'QNT-ERR-010': 'a defect of the server itself cannot be provoked from outside, and not be told from another error',
  'QNT-LIM-004': 'grants a freedom: there is nothing to break',
  'QNT-KAL-005': 'grants a freedom: there is nothing to break',
  'QNT-SEC-001': 'where a server listens by default, and what it tells its operator, stands in its settings and its log',
  'QNT-SEC-002': 'what operators put into labels: nothing that a peer can tell from another text',
  'QNT-SEC-004': 'what an implementation makes file names and commands of does not show on the wire',
  'QNT-SEC-005': 'what people are shown does not show on the wire',
  'QNT-SEC-006': 'what an implementation writes to its log of events does not show on the wire',
  'QNT-RGY-001': 'binds authors of later versions: nothing that a peer shows',
  'QNT-RGY-002': 'binds authors of later versions: nothing that a peer shows',
  'QNT-RGY-003': 'binds authors of later versions: nothing that a peer shows',
  'QNT-RGY-004': 'binds authors of later versions: nothing that a peer shows',
  'QNT-RGY-005': 'binds users of private numbers: version 1.0 knows no feature, so that none can agree on them',
};

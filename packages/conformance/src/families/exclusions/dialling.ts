/** What clients have to do on any connection that they open; a broker does it at its NameServers, and clauses see it. */
const SEEN_OF_BROKERS = ['QNT-CON-001', 'QNT-CON-002', 'QNT-CON-012', 'QNT-COR-001', 'QNT-COR-002', 'QNT-KAL-004', 'QNT-WSK-003'];
/** The same, where nothing of it is seen of brokers. */
const CLIENT_RULES = [
  ...['QNT-INV-005', 'QNT-TCP-007', 'QNT-TCP-009', 'QNT-TCP-010'],
  ...['QNT-CON-013', 'QNT-CON-016', 'QNT-CON-020', 'QNT-CON-021', 'QNT-CON-022', 'QNT-CON-025', 'QNT-CON-026', 'QNT-CON-027'],
  ...['QNT-COR-003', 'QNT-COR-005', 'QNT-COR-008', 'QNT-COR-009', 'QNT-COR-010', 'QNT-COR-011', 'QNT-COR-012', 'QNT-COR-013'],
  ...['QNT-ERR-002', 'QNT-ERR-004', 'QNT-ERR-006', 'QNT-LIM-005', 'QNT-LIM-006', 'QNT-KAL-002', 'QNT-KAL-003'],
];
/** What clients make of routes. */
const ROUTE_RULES = [
  ...['QNT-RTE-015', 'QNT-RTE-016', 'QNT-RTE-017', 'QNT-RTE-018', 'QNT-RTE-019', 'QNT-RTE-021', 'QNT-RTE-022', 'QNT-RTE-023'],
  ...['QNT-RTE-024', 'QNT-RTE-025', 'QNT-RTE-027', 'QNT-RTE-028', 'QNT-RPL-081', 'QNT-RPL-082', 'QNT-RPL-083'],
];

type Reasons = Readonly<Record<string, string>>;

const withReason = (ids: readonly string[], reason: string): Reasons => Object.fromEntries(ids.map((id) => [id, reason]));

/** A NameServer opens no connection and begins no request. */
export const NAME_SERVER_DIALLING_EXCLUSIONS: Reasons = {
  ...withReason(
    [...SEEN_OF_BROKERS, ...CLIENT_RULES],
    'binds who opens connections and begins requests: a NameServer does neither',
  ),
  ...withReason(ROUTE_RULES, 'binds who uses routes: a NameServer gives them'),
};

/** A broker opens connections to NameServers only, to register. */
export const BROKER_DIALLING_EXCLUSIONS: Reasons = {
  ...withReason(
    CLIENT_RULES,
    'binds clients: a broker is one at its NameServers only, and what it owes them is judged by the requirements QNT-REG',
  ),
  ...withReason(ROUTE_RULES, 'binds who uses routes: a broker asks for none'),
};

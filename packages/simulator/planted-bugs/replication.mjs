// Bugs of replication, which its model has to find (packages/simulator/src/replication).
//
// Too rare for seeds, and shown by directed tests (packages/core/test/broker/replication): a member that comes back counts with
// what it had before (QNT-RPL-012), an answer counts though the log has changed since its request (QNT-RPL-018), a slave goes back
// to a master of a lower term (QNT-RPL-019). No bug that seeds could find is a master that answers a REPLICATE of a lower term: a
// slave that has heard of no higher one knows no better, its log is compared all the same, and it uses no answer of another term
// (QNT-RPL-018); QNT-RPL-002 is shown by a directed test.
export const REPLICATION_BUGS = [
  {
    name: 'replication-optimistic-drop',
    what: 'a member is left out before that is on record',
    file: 'broker/replication/in-sync-set.ts',
    find: 'for (const member of [...this.#slavesOf(this.#onRecord), ...this.#slavesOf(this.#proposed)]) {',
    replace: 'for (const member of this.#slavesOf(this.#proposed ?? this.#onRecord)) {',
    detector: 'replication-leader-complete',
    stress: 'replication',
    seedsMax: 4_000,
  },
  {
    name: 'replication-add-unheeded',
    what: 'a new member does not count before it is known to be on record',
    file: 'broker/replication/in-sync-set.ts',
    find: 'for (const member of [...this.#slavesOf(this.#onRecord), ...this.#slavesOf(this.#proposed)]) {',
    replace: 'for (const member of this.#slavesOf(this.#onRecord)) {',
    detector: 'replication-leader-complete',
    stress: 'replication',
    seedsMax: 4_000,
  },
  {
    name: 'replication-joins-behind',
    what: 'a slave joins the in-sync set before it has what is committed',
    file: 'broker/replication/in-sync-set.ts',
    find: 'follower.stored >= Math.max(this.#parts.log.committedPosition, this.#termStart) && !this.#lags(follower)',
    replace: 'follower.heardMs !== undefined',
    detector: 'replication-leader-complete',
    stress: 'replication',
    seedsMax: 4_000,
  },
  {
    name: 'replication-below-min-in-sync',
    what: 'the committed position moves with too few members',
    file: 'broker/replication/in-sync-set.ts',
    find: '    if (!this.enough) return 0;\n',
    replace: '',
    detector: 'replication-enough-copies',
    stress: 'replication',
    seedsMax: 4_000,
  },
  {
    name: 'replication-cut-to-committed',
    what: 'a slave cuts all that it does not know to be committed',
    file: 'broker/replication/slave.ts',
    find: 'this.#search = new DivergenceSearch(places);',
    replace: 'return this.#cut(places[0]);',
    detector: 'replication-leader-complete',
    stress: 'replication',
    seedsMax: 4_000,
  },
  {
    name: 'replication-no-divergence',
    what: 'the master compares no chain',
    file: 'broker/replication/master.ts',
    find: 'place?.chain === chain',
    replace: 'true',
    detector: 'replication-same-below-committed',
    stress: 'replication',
    seedsMax: 4_000,
  },
  {
    name: 'replication-ack-before-sync',
    what: 'a slave says to have stored what it has only staged',
    file: 'broker/replication/slave.ts',
    find: 'stored: Math.min(log.storedPosition, position)',
    replace: 'stored: position',
    detector: 'replication-enough-copies',
    stress: 'replication',
    seedsMax: 4_000,
  },
];

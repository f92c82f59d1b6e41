/** Bugs of clients of broker groups: one edit of packages/core/src each, and the clause that has to go red. */
const DIRECTORY = 'client/broker-directory.ts';
const LINK = 'client/broker-link.ts';
const PULLER = 'client/consumer/puller.ts';
const SHARE = 'client/consumer/broker-share.ts';
const COMMITTER = 'client/consumer/committer.ts';
const PLACE = 'client/consumer/read-place.ts';
const SENDER = 'client/producer/sender.ts';

export const MUTANTS = [
  {
    name: 'producer-asks-for-no-master',
    what: 'the route is not asked for after MASTER_CHANGED',
    file: SENDER,
    find: "if (verdict === 'elsewhere' || error.code === 'MASTER_CHANGED') this.#host.refreshRoute(queue.topic);",
    replace: "if (verdict === 'elsewhere') this.#host.refreshRoute(queue.topic);",
    clause: 'QNT-RPL-087',
  },
  {
    name: 'producer-leaves-a-group-whose-master-changes',
    what: 'a batch that may be stored at the old master goes to another queue',
    file: SENDER,
    find: "    if (verdict === 'unknown') {\n      batch.mayBeStored = true;",
    replace: "    if (verdict === 'unknown') {\n      batch.mayBeStored = error.code !== 'MASTER_CHANGED';",
    clause: 'QNT-RPL-087',
  },
  {
    name: 'client-goes-back-to-a-lower-term',
    what: 'a route of a lower term is taken, where the NameServer in use tells it',
    file: DIRECTORY,
    find: '(secondHand || known.store === next.store)) return;',
    replace: 'secondHand) return;',
    clause: 'QNT-RPL-083',
  },
  {
    name: 'client-takes-a-slave-for-the-master',
    what: 'what HELLO_OK says of the role of the replica is not heeded',
    file: LINK,
    find: '(this.broker === name && replicaRole === ReplicaRole.MASTER)',
    replace: '(this.broker === name && replicaRole <= ReplicaRole.SLAVE)',
    clause: 'QNT-RPL-082',
  },
  {
    name: 'consumer-goes-back-for-what-is-not-yet-there',
    what: 'after NOT_YET a consumer goes on at the next offset of the answer',
    file: PULLER,
    find: "if (code === 'NOT_YET') return this.#askAgainIn(stream, NOT_YET_BACK_OFF_MS);",
    replace: "if (code === 'NOT_YET') return this.#owner.onAboveEnd(stream, result.nextOffset);",
    clause: 'QNT-RPL-084',
  },
  {
    name: 'consumer-believes-the-oldest-offset-of-a-slave',
    what: 'a slave moves a position',
    file: PULLER,
    find: 'const isSure = peer === broker;',
    replace: "const isSure = peer !== '';",
    clause: 'QNT-RPL-084',
  },
  {
    name: 'consumer-leaves-at-a-slave',
    what: 'LEAVE goes to who answers',
    file: SHARE,
    find: 'sendLeave(this.#scope, this.broker, finals,',
    replace: 'sendLeave(this.#scope, this.keeper, finals,',
    clause: 'QNT-RPL-085',
  },
  {
    name: 'consumer-forgets-what-it-could-not-commit',
    what: 'who could not commit since there was no master commits no more',
    file: COMMITTER,
    find: 'if (this.#pending > 0 || rests || !this.#owner.writable) return this.touch();',
    replace:
      'if (!this.#owner.writable) return this.stop();\n    if (this.#pending > 0 || rests || !this.#owner.writable) return this.touch();',
    clause: 'QNT-RPL-085',
  },
  {
    name: 'consumer-waits-for-its-master',
    what: 'no slave is read where the application has not asked for that',
    file: PLACE,
    find: 'return wanted.length === 0 && isMasterLost ? all : wanted;',
    replace: 'return isMasterLost ? wanted : wanted;',
    clause: 'QNT-RPL-080',
  },
  {
    name: 'consumer-stays-at-the-slave',
    what: 'a slave that was taken is not left when the master is there',
    file: PLACE,
    find: 'else if (isMasterUp) this.#dropSlave();',
    replace: '',
    clause: 'QNT-RPL-080',
  },
  {
    name: 'client-stays-with-the-old-master',
    what: 'a connection that is open is kept, whatever the route says',
    file: LINK,
    find: 'const replaced = moved && address !== undefined && known !== undefined && known.term > this.#term;',
    replace: 'const replaced = moved && address === undefined;',
    clause: 'QNT-RPL-081',
  },
];

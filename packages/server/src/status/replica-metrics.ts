import type { Broker, ReplicationFigures } from '@qanat/core';
import type { Metric } from './metric.ts';

/** Of replicas alone; a broker without others has no series of them. */
export const REPLICA_METRICS: readonly Metric<Broker>[] = [
  ofReplica('qanat_replica_master', '1 while the replica is master of its group, 0 while it is a slave.', (r) =>
    r.role === 'master' ? 1 : 0,
  ),
  ofReplica('qanat_replica_in_sync', 'Replicas of the in-sync set, the master included; masters only.', (r) =>
    r.role === 'master' ? r.inSync : undefined,
  ),
  ofReplica(
    'qanat_replica_min_in_sync',
    'Replicas in sync below which nothing is committed: alert where qanat_replica_in_sync is lower; masters only.',
    (r) => (r.role === 'master' ? r.minInSync : undefined),
  ),
  ofReplica(
    'qanat_replica_lag_bytes',
    'At a slave: log of its master that it has not stored, as it heard last; at a master: that of the slowest slave it hears.',
    (r) => r.lagBytes,
  ),
  ofReplica('qanat_replica_stored_position', 'Below it the log is stored as the flush setting says, bytes.', (r) => r.stored),
  ofReplica('qanat_replica_committed_position', 'Below it the log is committed, bytes.', (r) => r.committed),
];

/** @param read undefined: this replica has no such series. */
function ofReplica(name: string, help: string, read: (figures: ReplicationFigures) => number | undefined): Metric<Broker> {
  return {
    name,
    help,
    type: 'gauge',
    read: (broker) => {
      const { replication } = broker.figures();
      const value = replication && read(replication);
      return value === undefined ? [] : [[value]];
    },
  };
}

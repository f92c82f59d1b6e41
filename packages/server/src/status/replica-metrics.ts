import type { Broker, ReplicationFigures } from '@qanat/core';
import type { Metric } from './metric.ts';

/** Of replicas alone; a broker without others has no series of them. */
export const REPLICA_METRICS: readonly Metric<Broker>[] = [
  ofReplica('qanat_replica_master', '1 while the replica is master of its group, 0 while it is a slave.', (r) =>
    r.role === 'master' ? 1 : 0,
  ),
  ofReplica('qanat_replica_in_sync', 'Replicas of the in-sync set, the master included; 0 at a slave.', (r) => r.inSync),
  ofReplica(
    'qanat_replica_min_in_sync',
    'Replicas in sync below which nothing is committed: alert where qanat_replica_in_sync of a master is lower.',
    (r) => r.minInSync,
  ),
  ofReplica(
    'qanat_replica_lag_bytes',
    'At a slave: log of its master that it has not stored, as it heard last; at a master: that of the slowest slave it hears.',
    (r) => r.lagBytes,
  ),
  ofReplica('qanat_replica_stored_position', 'Below it the log is stored as the flush setting says, bytes.', (r) => r.stored),
  ofReplica('qanat_replica_committed_position', 'Below it the log is committed, bytes.', (r) => r.committed),
];

function ofReplica(name: string, help: string, value: (figures: ReplicationFigures) => number): Metric<Broker> {
  return {
    name,
    help,
    type: 'gauge',
    read: (broker) => {
      const { replication } = broker.figures();
      return replication === undefined ? [] : [[value(replication)]];
    },
  };
}

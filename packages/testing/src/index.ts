export { type ClusterOptions, startCluster, TestCluster } from './start-cluster.ts';

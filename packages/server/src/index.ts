export { formatListener } from './listeners.ts';
export { createLogger, LOG_LEVELS, type Logger, type LoggerOptions, type LogThreshold } from './logger.ts';
export type { RunningNode } from './running-node.ts';
export { type BrokerProcessOptions, startBroker } from './start-broker.ts';
export { type DevCluster, type DevClusterOptions, startDevCluster } from './start-dev-cluster.ts';
export { type NameServerProcessOptions, startNameServer } from './start-name-server.ts';
export { type StatusServer, startStatusServer } from './status/status-server.ts';
export { listDirectoryEntries, repairDirectory, surveyDirectory } from './store-tools.ts';
export { SOFTWARE } from './version.ts';

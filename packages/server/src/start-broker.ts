import type { BrokerProcessOptions } from './broker-run.ts';
import { LastingBroker } from './lasting-broker.ts';
import { createLogger } from './logger.ts';
import type { RunningNode } from './running-node.ts';

/**
 * Starts a broker on its listeners and files, and returns when it has recovered, serves, and its NameServers know it (or do not
 * answer).
 * @throws QanatError BAD_CONFIG, STORE_LOCKED, CORRUPT_LOG or STORE_IO; CLOSED where its signal gave the start up.
 */
export function startBroker(options: BrokerProcessOptions): Promise<RunningNode> {
  const node = nodeName(options.name, options.engine?.replication?.replica);
  return LastingBroker.start(options, node, options.logger ?? createLogger({ node }));
}

/** Replicas of one name are told apart: in logs, metrics and what is shown to people. */
export const nodeName = (broker: string, replica = 0): string => (replica === 0 ? broker : `${broker}/${replica}`);

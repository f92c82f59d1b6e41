import { connect } from '@qanat/client';
import { type Endpoint, LIMITS, type LoginOptions, nameError, QanatError } from '@qanat/core';
import {
  BridgeCluster,
  type ClusterEvents,
  DEFAULT_RULES,
  type MqttLimits,
  type Rule,
  type StateLimits,
  TopicRules,
  type Upstream,
} from '@qanat/mqtt';
import { systemClock } from '@qanat/transports/node';
import { BridgeProcess } from './bridge/bridge-process.ts';
import { MQTT_SCHEMES } from './bridge/device-listeners.ts';
import { checkUpstream, openUpstream, type UpstreamSettings } from './bridge/open-upstream.ts';
import { dialled, formatListener, parseListeners, parseOrigins } from './listeners.ts';
import { createLogger, type Logger } from './logger.ts';
import { connectionsThatFit } from './open-files.ts';
import { refuseOpenListeners, warnOfOpenListeners } from './open-listeners.ts';
import type { RunningNode } from './running-node.ts';
import { type ListeningOptions, tlsSettings } from './server-network.ts';
import { WatchedUsers } from './users/users-watch.ts';

/** Where the state of sessions is kept. */
export const STATE_TOPIC = 'mqtt-state';

/** Of a bridge: it is part of the names that sessions are owned by. */
const NAME_BYTES_MAX = 64;

export interface BridgeProcessOptions extends ListeningOptions {
  /** Of this bridge among those of the cluster. */
  readonly name: string;
  /** `host:port` or URLs, several with commas between them or as a list. */
  readonly nameServers: string | readonly string[];
  /** Who the bridge is at the cluster, where it asks: a user who may read and write the topics of its rules. */
  readonly login?: LoginOptions | undefined;
  /** Between MQTT topics and topics of the cluster; the first that matches decides. Default: everything to the topic `mqtt`. */
  readonly rules?: readonly Rule[];
  /** Topic that keeps the state of sessions. Default STATE_TOPIC, `mqtt-state`. */
  readonly stateTopic?: string;
  /** When a publish of QoS 1 or 2 is acknowledged: `committed`, or `leader`, once a broker has stored it. Default `committed`. */
  readonly ack?: 'committed' | 'leader';
  /** Creates the topics of its rules and its state where they are missing. Default true. */
  readonly createsTopics?: boolean;
  readonly upstream?: UpstreamSettings;
  /** Limits of devices, and of what the cluster keeps for them, that differ from the defaults. */
  readonly limits?: Partial<MqttLimits & StateLimits>;
  readonly logger?: Logger;
  /** Gives the start up; a bridge that serves is stopped by its `stop`. */
  readonly signal?: AbortSignal;
}

/**
 * Starts an MQTT bridge: devices of MQTT 3.1.1 and 5.0 publish to topics of the cluster and receive from them. Listens at
 * `mqtt://`, `mqtts://`, `mqtt+ws://` and `mqtt+wss://`; an address without a scheme is `mqtt`.
 * @throws QanatError BAD_CONFIG; what `connect` throws where the cluster is not reached; FORBIDDEN where the bridge's user may
 *   not do what a bridge does; CLOSED where its signal gave the start up.
 */
export async function startBridge(options: BridgeProcessOptions): Promise<RunningNode> {
  const { name, stateTopic = STATE_TOPIC, ack = 'committed', createsTopics = true } = options;
  checkNames(name, stateTopic);
  const upstream = options.upstream && checkUpstream(options.upstream);
  const log = options.logger ?? createLogger({ node: name });
  const rules = options.rules ?? DEFAULT_RULES;
  const topicRules = new TopicRules(rules);
  const listeners = parseListeners(options.listen, MQTT_SCHEMES);
  const authenticates = options.users !== undefined;
  refuseOpenListeners(listeners, { authenticates, insecure: options.insecure ?? false });
  const connectionsMax = connectionsThatFit(options.limits?.connectionsMax);
  const tls = tlsSettings(options, connectionsMax, log);
  const users = options.users === undefined ? undefined : new WatchedUsers(options.users, log);
  const { signal } = options;
  const connecting = {
    label: name,
    inProcess: options.inProcess,
    ...(options.login === undefined ? {} : { login: options.login }),
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(signal === undefined ? {} : { signal }),
  };
  const client = await unlessGivenUp(signal, () => connect(options.nameServers, connecting));
  const mapped = { rules: topicRules, stateTopic, ack, createTopics: createsTopics };
  const limits = options.limits ?? {};
  const clusterOptions = { client, bridgeId: name, ...mapped, limits, clock: systemClock, signal, log };
  const parts = {
    rules: topicRules,
    limits,
    connectionsMax,
    users,
    tls,
    origins: parseOrigins(options.origins ?? []),
    log,
    openCluster: (events: () => ClusterEvents) => BridgeCluster.start(clusterOptions, events),
  };
  const process = await unlessGivenUp(signal, () => BridgeProcess.start(parts)).catch(async (error: unknown) => {
    await client.close();
    throw error;
  });
  void process.ended.then(() => client.close());
  if (upstream !== undefined)
    await join(process, () => openUpstream(upstream, { bridge: name, client, rules, ack, stateTopic, log }));
  const endpoints = await process.listen(listeners);
  for (const endpoint of endpoints) log('info', 'listening', { endpoint: formatListener(endpoint) });
  warnOfOpenListeners(log, endpoints, authenticates);
  return nodeOf(name, process, endpoints, authenticates);
}

/** @throws QanatError CLOSED where the start was given up, whatever became of it. */
async function unlessGivenUp<T>(signal: AbortSignal | undefined, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (signal?.aborted !== true) throw error;
    throw new QanatError('CLOSED', 'the start was given up', { cause: error });
  }
}

async function join(process: BridgeProcess, open: () => Promise<Upstream>): Promise<void> {
  try {
    process.addUpstream(await open());
  } catch (error) {
    await process.stop();
    throw error;
  }
}

function nodeOf(name: string, process: BridgeProcess, endpoints: readonly Endpoint[], authenticates: boolean): RunningNode {
  const { ended } = process;
  const endpoint = dialled(endpoints[0] as Endpoint);
  const methods = { reload: () => process.reload(), stop: () => process.stop() };
  return { role: 'bridge', name, endpoints, endpoint, engine: process, ended, authenticates, ...methods };
}

function checkNames(name: string, stateTopic: string): void {
  for (const [what, text, bytesMax] of [
    ['the name of the bridge', name, NAME_BYTES_MAX],
    ['the state topic', stateTopic, LIMITS.TOPIC_NAME_BYTES_MAX],
  ] as const) {
    const error = nameError(text, bytesMax);
    if (error !== undefined) throw new QanatError('BAD_CONFIG', `${what} is "${text}": ${error}`, { outcome: 'not-sent' });
  }
}

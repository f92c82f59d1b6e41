import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint, QanatError } from '@qanat/core';
import {
  type Cluster,
  type ClusterEvents,
  type ClusterFigures,
  type Gate,
  type MqttLimits,
  MqttServer,
  type TopicRules,
  type Upstream,
} from '@qanat/mqtt';
import { deriveKey } from '@qanat/transports/node';
import type { TlsSettings } from '@qanat/transports/tls';
import type { Origins } from '@qanat/transports/websocket';
import type { Logger } from '../logger.ts';
import { refusalLog } from '../refusals.ts';
import { randomSeed } from '../seed.ts';
import type { WatchedUsers } from '../users/users-watch.ts';
import type { BridgeFigures, BridgeView } from './bridge-figures.ts';
import { DeviceGate, openGate } from './device-gate.ts';
import { DeviceHost } from './device-host.ts';
import { DeviceListeners } from './device-listeners.ts';
import { DeviceSockets } from './device-sockets.ts';
import { EarlyEvents } from './early-events.ts';

/** While a broker is away its sessions cannot be handed over: after so long the next bridge finds them as after a kill. */
const HAND_OVER_MS = 5_000;

/** The cluster as a bridge has it. */
export interface BridgedCluster extends Cluster {
  figures(): ClusterFigures;
  /** Hands over what it has, and leaves. Ends within seconds. */
  close(): Promise<void>;
}

export interface BridgeParts {
  readonly rules: TopicRules;
  readonly limits: Partial<MqttLimits>;
  /** Sockets that the process can have open. */
  readonly connectionsMax: number;
  readonly users: WatchedUsers | undefined;
  readonly tls: TlsSettings;
  readonly origins: Origins;
  readonly log: Logger;
  /** Opens the cluster's side, which tells the MQTT server what happens. */
  openCluster(events: () => ClusterEvents): Promise<BridgedCluster>;
}

/** One bridge in this process: the MQTT server between its sockets and the cluster. */
export class BridgeProcess implements BridgeView {
  readonly ended: Promise<QanatError | undefined>;
  readonly #parts: BridgeParts;
  readonly #gate: DeviceGate | undefined;
  readonly #host: DeviceHost;
  readonly #sockets: DeviceSockets;
  readonly #listeners = new DeviceListeners();
  readonly #server: MqttServer;
  readonly #cluster: BridgedCluster;
  readonly #upstreams: Upstream[] = [];
  #ready = false;
  #stopping: Promise<void> | undefined;
  #end: (error: QanatError | undefined) => void = () => {};

  private constructor(parts: BridgeParts, made: Made) {
    this.#parts = parts;
    this.#gate = made.gate;
    this.#host = made.host;
    this.#sockets = made.sockets;
    this.#server = made.server;
    this.#cluster = made.cluster;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    parts.users?.follow((users) => {
      const { gate } = made;
      if (gate === undefined) return;
      gate.users = users;
      made.host.enter((engine, nowMs) => engine.disconnectWhere((peer) => gate.isOutdated(peer), nowMs));
    });
  }

  /** Opens the cluster and starts the MQTT server. Nobody can connect before `listen`. */
  static async start(parts: BridgeParts): Promise<BridgeProcess> {
    const gate = gateOf(parts);
    const host = new DeviceHost((names) => gate?.userOfCertificate(names));
    const sockets = new DeviceSockets(host, parts.connectionsMax);
    const early = new EarlyEvents();
    const cluster = await parts.openCluster(() => early.target);
    // Streams gather what they are given until the turn ends: another turn before that would only take time.
    const wake = (): void => queueMicrotask(() => host.enter((engine, nowMs) => engine.flush(nowMs)));
    const limits = { ...parts.limits, connectionsMax: parts.connectionsMax };
    const server = new MqttServer(
      { seed: randomSeed(), limits },
      { sockets, gate: gate ?? openGate, cluster, log: parts.log, wake },
    );
    early.lead(server);
    host.start(server);
    return new BridgeProcess(parts, { gate, host, sockets, server, cluster });
  }

  /** @returns the listeners with their real addresses. @throws QanatError BAD_CONFIG; the bridge is stopped then. */
  async listen(listeners: readonly Endpoint[]): Promise<readonly Endpoint[]> {
    const { tls, origins, log } = this.#parts;
    try {
      const options = { owner: this.#sockets, tls, origins, onRefused: refusalLog(log) };
      const listening = await this.#listeners.open(listeners, options);
      this.#ready = true;
      return listening;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Is closed with the bridge. */
  addUpstream(upstream: Upstream): void {
    this.#upstreams.push(upstream);
  }

  figures(): BridgeFigures {
    const { counters, gauges } = this.#server.figures();
    return {
      ready: this.#ready,
      connections: this.#sockets.size,
      connectionsDropped: this.#sockets.dropped,
      counters,
      gauges,
      cluster: this.#cluster.figures(),
      upstreams: this.#upstreams.map((upstream) => upstream.figures()),
    };
  }

  /** Reads the files of TLS and the users now. */
  reload(): void {
    this.#parts.tls.material.reload();
    this.#parts.users?.reload();
  }

  /** Tells devices that it shuts down (0x8B), hands their sessions over, and leaves the cluster. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#ready = false;
    this.#parts.users?.close();
    await this.#listeners.close();
    for (const upstream of this.#upstreams) await upstream.close();
    await this.#host.stop(this.#sockets);
    // What it still waits for then fails with the client.
    await Promise.race([this.#cluster.close(), sleep(HAND_OVER_MS, undefined, { ref: false })]);
    this.#host.end();
    this.#end(undefined);
  }
}

interface Made {
  readonly gate: DeviceGate | undefined;
  readonly host: DeviceHost;
  readonly sockets: DeviceSockets;
  readonly server: MqttServer;
  readonly cluster: BridgedCluster;
}

function gateOf({ users, rules }: BridgeParts): (DeviceGate & Gate) | undefined {
  if (users === undefined) return undefined;
  return new DeviceGate({ users: users.security.users, mapping: rules, deriveKey, nowMs: () => performance.now() });
}

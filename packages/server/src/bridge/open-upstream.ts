import type { QanatClient } from '@qanat/client';
import { nameError, QanatError } from '@qanat/core';
import { parseUpstreamTopic, type Rule, Upstream, type UpstreamAddress, type UpstreamTopic } from '@qanat/mqtt';
import type { Logger } from '../logger.ts';

/** Another MQTT broker that the bridge joins. */
export interface UpstreamSettings extends Omit<UpstreamAddress, 'clientId'> {
  /** Of the other broker, in this cluster. Default: the host in its URL, with its port where that is not 1883 or 8883. */
  readonly name?: string | undefined;
  /** As mosquitto has them: `PATTERN in|out|both QOS LOCALPREFIX REMOTEPREFIX`. */
  readonly topics: readonly string[];
}

/** Whose upstream it is. */
export interface UpstreamOwner {
  /** Name of the bridge: the other broker knows it by that. */
  readonly bridge: string;
  readonly client: QanatClient;
  readonly rules: readonly Rule[];
  readonly ack: 'committed' | 'leader';
  readonly stateTopic: string;
  readonly log: Logger;
}

/** It is part of a group's name. */
const NAME_BYTES_MAX = 100;
const SCHEME = /^(?:mqtts?|wss?):$/;
/** Two brokers at other ports of one host would have one name, and with it share what goes there. */
const USUAL_PORTS: ReadonlySet<string> = new Set(['', '1883', '8883']);

/** An upstream whose settings are in order. */
export interface CheckedUpstream extends Omit<UpstreamAddress, 'clientId'> {
  readonly name: string;
  readonly topics: readonly UpstreamTopic[];
}

/** @throws QanatError BAD_CONFIG that says what of the settings is wrong. */
export function checkUpstream({ name, topics, ...address }: UpstreamSettings): CheckedUpstream {
  if (topics.length === 0)
    throw bad('nothing is exchanged with the upstream', "say what: --upstream-topic 'devices/# out 1', again and again");
  const usual = usualName(address.url);
  return { ...address, name: checkedName(name ?? usual), topics: topics.map(parseUpstreamTopic) };
}

/** @throws QanatError BAD_CONFIG. */
export function openUpstream(upstream: CheckedUpstream, { bridge, ...owner }: UpstreamOwner): Promise<Upstream> {
  return Upstream.start({ ...owner, ...upstream, clientId: `qanat-${bridge}` });
}

function usualName(url: string): string {
  try {
    const { protocol, hostname, port } = new URL(url);
    const name = USUAL_PORTS.has(port) ? hostname : `${hostname}-${port}`;
    if (SCHEME.test(protocol) && hostname !== '') return name.replace(/[^A-Za-z0-9_.-]/g, '_').replace(/^[.-]/, '_');
  } catch {
    // Told below.
  }
  throw bad(`"${url}" is no address of an MQTT broker`, 'write mqtt://host:1883, mqtts://host:8883, ws:// or wss://');
}

function checkedName(name: string): string {
  const error = nameError(name, NAME_BYTES_MAX);
  if (error === undefined) return name;
  throw bad(`the upstream cannot be called "${name}": ${error}`, 'give it another name: --upstream-name');
}

const bad = (message: string, hint: string): QanatError => new QanatError('BAD_CONFIG', message, { outcome: 'not-sent', hint });

// The vectors of MQTT against the mapping of the bridge.
import type { MessageInit } from '@qanat/client';
import { utf8 } from '@qanat/core';
import {
  matches,
  type Publication,
  type QoS,
  type Rule,
  TopicRules,
  toMessage,
  toPublication,
  type UserProperty,
} from '@qanat/mqtt';
import { expect } from 'vitest';
import { storedMessage } from '../../packages/mqtt/test/mapping/stored-message.ts';
import { bytesOfHex } from './fences.ts';

const rules = new TopicRules();

export function runFilter(example: {
  readonly filter: string;
  readonly selects: readonly string[];
  readonly not: readonly string[];
}): void {
  for (const topic of example.selects) expect(matches(example.filter, topic), topic).toBe(true);
  for (const topic of example.not) expect(matches(example.filter, topic), topic).toBe(false);
}

interface Mapping {
  readonly rules: readonly Rule[];
  readonly mqtt_topic: string;
  readonly result: {
    readonly topic: string;
    readonly tag?: string;
    readonly key: string;
    readonly carries_topic: boolean;
  } | null;
}

export function runMapping(example: Mapping): void {
  const mapped = new TopicRules(example.rules).toCluster(example.mqtt_topic);
  if (mapped === undefined) return expect(example.result).toBeNull();
  const { topic, tag, key, carriesTopic } = mapped;
  expect({ topic, ...(tag === undefined ? {} : { tag }), key, carries_topic: carriesTopic }).toEqual(example.result);
}

interface PublicationExample {
  readonly mqtt_topic: string;
  readonly qos: QoS;
  readonly retain?: boolean;
  readonly body: string;
  readonly client?: string;
  readonly format?: 0 | 1;
  readonly 'content-type'?: string;
  readonly 'response-topic'?: string;
  readonly correlation?: string;
  readonly expires?: number;
  readonly user?: readonly UserProperty[];
}

function publicationOf(example: PublicationExample): Publication {
  const properties = {
    ...(example.format === undefined ? {} : { payloadFormatIndicator: example.format }),
    ...(example['content-type'] === undefined ? {} : { contentType: example['content-type'] }),
    ...(example['response-topic'] === undefined ? {} : { responseTopic: example['response-topic'] }),
    ...(example.correlation === undefined ? {} : { correlationData: bytesOfHex(example.correlation) }),
    ...(example.expires === undefined ? {} : { expiresAtMs: example.expires }),
    ...(example.user === undefined ? {} : { userProperties: example.user }),
  };
  return {
    topic: example.mqtt_topic,
    qos: example.qos,
    retain: example.retain ?? false,
    payload: utf8(example.body),
    clientId: example.client,
    properties: Object.keys(properties).length === 0 ? undefined : properties,
  };
}

export function runMessage(example: {
  readonly publication?: PublicationExample;
  readonly message: MessageInit & { readonly body: string };
  readonly read?: PublicationExample | null;
}): void {
  const expected = example.publication ?? example.read ?? undefined;
  const publication = expected && publicationOf(expected);
  expect(toPublication(storedMessage('mqtt', example.message), rules)).toEqual(publication);
  if (example.publication === undefined || publication === undefined) return;
  const mapped = rules.toCluster(publication.topic);
  if (mapped === undefined) throw new Error('the default rule selects it');
  const { bornTimeMs, ...stored } = toMessage(publication, mapped, 7);
  expect(bornTimeMs).toBe(7);
  expect(stored).toEqual({ ...example.message, body: utf8(example.message.body) });
}

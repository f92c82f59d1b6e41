import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectWith } from '@qanat/client';
import { LIMITS, QanatError } from '@qanat/core';
import { startBroker, startNameServer } from '@qanat/server';
import { networkTransports } from '@qanat/transports/network';
import { nodePlatform, systemClock } from '@qanat/transports/node';
import { afterAll, describe, expect, it } from 'vitest';
import { dialled, endpointsToTell, formatListener, parseAdvertised, parseListeners, parseOrigins } from '../src/listeners.ts';

const SCHEMES = ['qanat', 'qanats', 'ws'];
const folder = mkdtempSync(join(tmpdir(), 'qanat-listeners-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refusal = (message: string, hint: string): unknown =>
  expect.objectContaining({
    code: 'BAD_CONFIG',
    message: expect.stringContaining(message),
    hint: expect.stringContaining(hint),
  });

describe('the text of listeners', () => {
  it.each([
    ['127.0.0.1:7610', ['127.0.0.1:7610']],
    ['default=qanat://a:1', ['a:1']],
    ['qanat://a:1,ws://a:2', ['a:1', 'ws://a:2']],
    ['lan=qanats://0.0.0.0:7611, [::1]:0', ['lan=qanats://0.0.0.0:7611', '[::1]:0']],
    [
      ['a:1', 'lan=b:2'],
      ['a:1', 'lan=b:2'],
    ],
  ])('%j is %j', (text, listeners) => {
    expect(parseListeners(text, SCHEMES).map(formatListener)).toEqual(listeners);
  });

  it.each([
    ['a', 'not host:port', 'host:port'],
    ['', 'not host:port', 'host:port'],
    ['=a:1', 'name of a listener', 'name=host:port'],
    ['l n=a:1', 'name of a listener', 'name=host:port'],
    ['mqtt://a:1', 'scheme "mqtt"', ''],
  ])('%j is refused', (text, message, hint) => {
    expect(() => parseListeners(text, SCHEMES)).toThrow(QanatError);
    expect(() => parseListeners(text, SCHEMES)).toThrow(refusal(message, hint) as Error);
  });

  it('has one at least, and ENDPOINTS_PER_BROKER_MAX at most', () => {
    const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `a:${i}`);
    expect(() => parseListeners([], SCHEMES)).toThrow('no address');
    expect(parseListeners(many(LIMITS.ENDPOINTS_PER_BROKER_MAX), SCHEMES)).toHaveLength(LIMITS.ENDPOINTS_PER_BROKER_MAX);
    expect(() => parseListeners(many(LIMITS.ENDPOINTS_PER_BROKER_MAX + 1), SCHEMES)).toThrow('ENDPOINTS_PER_BROKER_MAX');
  });
});

describe('the origins of web pages', () => {
  it.each([
    ['https://app.example', ['https://app.example']],
    ['http://localhost:*, http://[::1]:*,null', ['http://localhost:*', 'http://[::1]:*', 'null']],
    [[], []],
    ['http://a.example:8080,*', '*'],
  ])('%j are %j', (text, origins) => {
    expect(parseOrigins(text)).toEqual(origins);
  });

  it.each(['app.example', 'https://app.example/', 'https://*.example', 'https://a.example:b', ''])('%j is none', (text) => {
    expect(() => parseOrigins(text)).toThrow(refusal('is no origin of web pages', 'https://app.example') as Error);
  });
});

describe('what clients are told of listeners', () => {
  const listeners = parseListeners('a:1,ws://a:2,lan=qanats://b:3', SCHEMES);
  const told = (advertise: string | string[]): string[] =>
    endpointsToTell(listeners, parseAdvertised(advertise, listeners)).map(formatListener);

  it.each([
    [[], ['a:1', 'ws://a:2', 'lan=qanats://b:3']],
    ['lan=c:4', ['a:1', 'ws://a:2', 'lan=qanats://c:4']],
    ['qanat://c:4, ws://d:5', ['c:4', 'ws://d:5', 'lan=qanats://b:3']],
  ])('with --advertise %j', (advertise, endpoints) => {
    expect(told(advertise)).toEqual(endpoints);
  });

  it.each([
    ['wan=c:4', 'does not exist', 'the listeners are a:1, ws://a:2, lan=qanats://b:3'],
    ['lan=ws://c:4', 'does not exist', 'the listeners are'],
    ['c:4', 'could be advertised for qanat and ws', 'default=qanat://host:port'],
    ['lan=c', 'not host:port', 'host:port'],
  ])('is not %j', (advertise, message, hint) => {
    expect(() => told(advertise)).toThrow(refusal(message, hint) as Error);
  });

  it('is no address that stands for all of the machine', () => {
    const all = parseListeners('0.0.0.0:7610', SCHEMES);
    expect(endpointsToTell(all, parseAdvertised([], all))[0]?.address).not.toContain('0.0.0.0');
  });
});

describe('servers with several listeners', () => {
  it('are reached over each, and a client stays in its network and with its scheme [QNT-RTE-026, QNT-RTE-027]', async () => {
    const logger = (): void => undefined;
    const listen = '127.0.0.1:0,ws://127.0.0.1:0,lan=ws://127.0.0.1:0';
    const nameServer = await startNameServer({ listen, name: 'ns', logger });
    const { endpoint } = nameServer;
    const data = join(folder, 'a');
    const broker = await startBroker({ name: 'a', listen, data, nameServers: [endpoint], createsTopics: true, logger });
    expect(nameServer.endpoints.map(({ listener, scheme }) => `${listener} ${scheme}`)).toEqual([
      'default qanat',
      'default ws',
      'lan ws',
    ]);
    for (const [i, at] of nameServer.endpoints.entries()) {
      const ground = { transports: networkTransports(), clock: systemClock, platform: nodePlatform, seed: 1 };
      const client = await connectWith({ ...ground, nameServers: [dialled(at)] });
      const connected: string[] = [];
      client.onEvent((event) => event.kind === 'connected' && connected.push(event.address));
      await client.producer().send('orders', { body: 'x' });
      const { scheme, address } = broker.endpoints[i] ?? at;
      expect(connected).toEqual([`${scheme}://${address}`]);
      await client.close();
    }
    await broker.stop();
    await nameServer.stop();
  });

  it('listen at none where one of them fails', async () => {
    const first = await startNameServer({ listen: '127.0.0.1:0', logger: () => undefined });
    const listen = `127.0.0.1:0,${first.endpoint}`;
    await expect(startNameServer({ listen, logger: () => undefined })).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    await first.stop();
  });
});

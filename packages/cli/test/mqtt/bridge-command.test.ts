import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { IDisconnectPacket } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { qanat } from '../fake-io.ts';
import { BridgeWorld, portOf, Served } from './bridge-world.ts';
import { type Device, device, hasBroker, hasMosquitto, messagesIn, pub, sub, Tool } from './tools.ts';

/** First byte of such a packet. */
const PUBREL = 0x62;

const world = new BridgeWorld();
beforeAll(() => world.start(), 60_000);
afterAll(() => world.stop(), 60_000);

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** A bridge beside that of `qanat dev`, as the same MQTT server or, with rules or a state topic, another one. */
async function bridge(...argv: string[]): Promise<Served> {
  const served = await Served.start(['bridge', 'mqtt', '--nameserver', world.nameServer, ...argv]);
  stops.push(() => served.stop());
  return served;
}

const mqttPort = ({ ready }: Served, scheme = 'mqtt'): number => portOf(ready.endpoints, scheme);

describe('qanat bridge mqtt', () => {
  it('tells devices that it shuts down, and ends with 0 [MQTT-3.14.4-1]', async () => {
    const served = await bridge('--listen', 'mqtt://127.0.0.1:0', '--name', 'stops');
    const one = await device(`mqtt://127.0.0.1:${mqttPort(served)}`, { protocolVersion: 5 });
    const told = new Promise<IDisconnectPacket>((resolve) => one.client.once('disconnect', resolve));
    stops.length = 0;
    expect(await served.stop()).toBe(0);
    expect((await told).reasonCode).toBe(0x8b);
  });

  it('is one MQTT server with the other bridges of the cluster', async () => {
    const served = await bridge('--listen', 'mqtt://127.0.0.1:0', '--name', 'second');
    const here = await device(`mqtt://127.0.0.1:${mqttPort(served)}`, { protocolVersion: 5 });
    await here.client.subscribeAsync('between/+', { qos: 1 });
    const there = await device(`mqtt://127.0.0.1:${world.port()}`, { protocolVersion: 5 });
    await there.client.publishAsync('between/x', 'hello', { qos: 1 });
    await here.has(1);
    await Promise.all([here.client.endAsync(), there.client.endAsync()]);
  });

  it('maps by its rules, refuses what has none, and takes rules from a file', async () => {
    const rules = join(world.folder, 'rules.yaml');
    writeFileSync(rules, '- { match: "devices/{id}/up/#", topic: telemetry, direction: up, key: "{id}" }\n');
    const served = await bridge(
      '--listen',
      'mqtt://127.0.0.1:0',
      '--name',
      'rules',
      '--rules',
      rules,
      '--state-topic',
      'rules-state',
    );
    const one = await device(`mqtt://127.0.0.1:${mqttPort(served)}`, { protocolVersion: 5 });
    await one.client.publishAsync('devices/7/up/t', '21', { qos: 1 });
    const [message] = await world.messages('telemetry', 1, () => true);
    expect([message?.key, message?.properties['mqtt.topic']]).toEqual(['7', 'devices/7/up/t']);
    await expect(one.client.publishAsync('elsewhere', 'x', { qos: 1 })).rejects.toThrow(/Topic Name invalid/i);
    await one.client.endAsync();
  });

  it('says where a file of rules is wrong', async () => {
    const rules = join(world.folder, 'wrong.yaml');
    writeFileSync(rules, '- match: "a/#"\n  topic: t\n  qos: 1\n');
    const { code, err } = await qanat(['bridge', 'mqtt', '--rules', rules]);
    expect(code).toBe(2);
    expect(err).toContain('wrong.yaml:3:8: a rule has no field "qos"');
  });

  it('bounds what devices may have, and what the cluster keeps for them [QNT-MQT-118] [QNT-MQT-120] [QNT-MQT-121]', async () => {
    const none = ['--sessions-max', '0', '--retained-max', '0', '--shares-max', '0'];
    const served = await bridge('--listen', 'mqtt://127.0.0.1:0', '--name', 'bounded', '--state-topic', 'bounded-state', ...none);
    const url = `mqtt://127.0.0.1:${mqttPort(served)}`;
    const kept = { clientId: 'kept', clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 60 } } as const;
    await expect(device(url, kept)).rejects.toThrow(/Quota exceeded/i);
    const one = await device(url, { protocolVersion: 5 });
    await expect(one.client.publishAsync('bounded/x', 'x', { qos: 1, retain: true })).rejects.toThrow(/Quota exceeded/i);
    await expect(one.client.subscribeAsync('$share/g/bounded/#', { qos: 1 })).rejects.toThrow();
    await one.client.publishAsync('bounded/x', 'x', { qos: 1 });
    await one.client.endAsync();
    const old = { clientId: 'kept', clean: false, protocolVersion: 4 } as const;
    await expect(device(url, old)).rejects.toThrow(/Server unavailable/i);
  });

  it('serves its figures', async () => {
    const served = await bridge('--listen', 'mqtt://127.0.0.1:0', '--name', 'figures', '--http', '127.0.0.1:0');
    const one = await device(`mqtt://127.0.0.1:${mqttPort(served)}`, { protocolVersion: 5 });
    await one.client.publishAsync('figures/x', 'x', { qos: 1 });
    const ask = async (path: string): Promise<string> => (await fetch(`http://${served.ready.http}${path}`)).text();
    expect(JSON.parse(await ask('/status'))).toMatchObject({ bridges: [{ name: 'figures', ready: true, connections: 1 }] });
    const metrics = await ask('/metrics');
    expect(metrics).toContain('qanat_mqtt_published_total{node="figures",qos="1"} 1');
    expect(metrics).toContain('qanat_ready{node="figures"} 1');
    for (const name of ['shed', 'wills_dropped', 'sessions_refused', 'retained_refused', 'fetches'])
      expect(metrics).toMatch(
        new RegExp(`# TYPE qanat_mqtt_${name}_total counter\nqanat_mqtt_${name}_total\\{node="figures"\\} \\d`),
      );
    const standing = [
      'publishBytes',
      'sessions',
      'sessionsKept',
      'offlineSessions',
      'retained',
      'stateBytes',
      'recentBytes',
      'shareBytes',
      'indexLag',
    ];
    const gauges = [...metrics.matchAll(/^qanat_mqtt_cluster\{.*figure="(\w+)"\}/gm)].map(([, figure]) => figure);
    expect(gauges).toEqual(standing);
    await one.client.endAsync();
  });
});

describe.skipIf(!hasMosquitto)('over TLS, with users', () => {
  it('lets in who proves to be a user, and grants what he may do', async () => {
    const tls = join(world.folder, 'tls');
    const users = join(world.folder, 'users.json');
    expect((await qanat(['tls', 'init', '--dir', tls, '--client', 'meter-9'])).err).not.toContain('error');
    const password = join(world.folder, 'pw');
    writeFileSync(password, 'secret\n');
    const add = (...argv: string[]): Promise<unknown> => qanat(['user', 'add', ...argv, '--users', users]);
    await add('meter-7', '--allow', 'write mqtt:devices/%u/#', '--allow', 'read mqtt:devices/%u/#', '--password-file', password);
    await add('meter-9', '--allow', 'write topic:mqtt', '--certificate');
    const files = [
      '--tls-ca',
      join(tls, 'ca.pem'),
      '--tls-cert',
      join(tls, 'server.pem'),
      '--tls-key',
      join(tls, 'server-key.pem'),
    ];
    const served = await bridge(
      ...['--listen', 'mqtts://127.0.0.1:0', '--name', 'secured', '--users', users, '--tls-client-certs', 'optional'],
      ...files,
    );
    const port = mqttPort(served, 'mqtts');
    const ca = ['--cafile', join(tls, 'ca.pem')];
    const own = await sub(
      port,
      '5',
      ...ca,
      '-u',
      'meter-7',
      '-P',
      'secret',
      '-t',
      'devices/meter-7/#',
      '-q',
      '1',
      '-C',
      '1',
      '-v',
    );
    expect((await pub(port, '5', ...ca, '-t', 'devices/meter-7/t', '-m', '1', '-q', '1')).code).not.toBe(0);
    expect((await pub(port, '5', ...ca, '-u', 'meter-7', '-P', 'wrong', '-t', 'a', '-m', '1', '-q', '1')).code).not.toBe(0);
    const other = await pub(
      port,
      '5',
      ...ca,
      '-u',
      'meter-7',
      '-P',
      'secret',
      '-t',
      'devices/meter-8/t',
      '-m',
      '1',
      '-q',
      '1',
      '-d',
    );
    expect(other.out).toContain('RC:135');
    const certificate = ['--cert', join(tls, 'client-meter-9.pem'), '--key', join(tls, 'client-meter-9-key.pem')];
    expect(await pub(port, '5', ...ca, ...certificate, '-t', 'devices/meter-7/t', '-m', 'on', '-q', '1')).toMatchObject({
      code: 0,
    });
    expect(messagesIn(await own.ended)).toEqual(['devices/meter-7/t on']);
  });
});

describe('with users', () => {
  it('lets nobody have the session of another user, nor a user what he may not receive any more [QNT-MQT-100] [QNT-MQT-101]', async () => {
    const [users, password] = [join(world.folder, 'owners.json'), join(world.folder, 'owners-pw')];
    writeFileSync(password, 'secret\n');
    const add = (name: string, ...argv: string[]): Promise<unknown> =>
      qanat(['user', 'add', name, '--users', users, '--password-file', password, ...argv]);
    for (const name of ['alice', 'bob']) await add(name, '--allow', `read,write mqtt:d/${name}/#`);
    await add('plant', '--allow', 'write topic:mqtt');
    const served = await bridge('--listen', 'mqtt://127.0.0.1:0', '--name', 'owners', '--users', users);
    const open = (username: string, clientId: string): Promise<Device> =>
      device(`mqtt://127.0.0.1:${mqttPort(served)}`, {
        ...{ protocolVersion: 5, username, password: 'secret', clientId, clean: false, reconnectPeriod: 0 },
        properties: { sessionExpiryInterval: 600 },
      });
    const alice = await open('alice', 'dev1');
    await alice.client.subscribeAsync('d/alice/#', { qos: 1 });
    await expect(open('bob', 'dev1')).rejects.toMatchObject({ code: 0x87 });
    expect(alice.client.connected).toBe(true);
    await alice.client.endAsync();
    const plant = await open('plant', 'plant');
    await plant.client.publishAsync('d/alice/secret', 'waits', { qos: 1 });
    await expect(open('bob', 'dev1')).rejects.toMatchObject({ code: 0x87 });
    const watch = await open('alice', 'watch');
    const told = new Promise<void>((resolve) => watch.client.once('close', () => resolve()));
    await add('alice', '--allow', 'read,write mqtt:d/else/#', '--replace');
    await told;
    const again = await open('alice', 'dev1');
    expect(again.sessionPresent).toBe(true);
    await expect(again.client.subscribeAsync('d/alice/#', { qos: 1 })).rejects.toThrow(/Not authorized/);
    await again.client.subscribeAsync('d/else/#', { qos: 1 });
    await plant.client.publishAsync('d/alice/secret', 'live', { qos: 1 });
    await plant.client.publishAsync('d/else/x', 'allowed', { qos: 1 });
    await again.has(1);
    expect(again.received.map(({ payload }) => String(payload))).toEqual(['allowed']);
    await again.client.endAsync();
    await plant.client.endAsync();
  });
});

describe.skipIf(!hasBroker || !hasMosquitto)('with mosquitto as upstream', () => {
  const freePort = (): Promise<number> =>
    new Promise((resolve) => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const { port } = probe.address() as { port: number };
        probe.close(() => resolve(port));
      });
    });

  const mosquitto = async (port: number, ...settings: string[]): Promise<Tool> => {
    const options = settings.length > 0 ? settings : ['-p', String(port)];
    const broker = new Tool('stdbuf', ['-oL', 'mosquitto', '-v', ...options]);
    stops.push(async () => {
      broker.stop();
      await broker.ended;
    });
    await broker.says('running');
    return broker;
  };

  it.each(['5', '3.1.1'])('exchanges topics both ways by MQTT %s, and sends nothing back', async (protocol) => {
    const port = await freePort();
    const broker = await mosquitto(port);
    const name = `up${protocol.replaceAll('.', '')}`;
    await bridge(
      ...['--listen', 'mqtt://127.0.0.1:0', '--name', name, '--upstream', `mqtt://127.0.0.1:${port}`, '--upstream-name', name],
      ...['--upstream-protocol', protocol, '--upstream-topic', `# both 1 ${name}/ there/`],
    );
    await broker.says('Received SUBSCRIBE');
    const there = await sub(port, '5', '-t', 'there/#', '-q', '1', '-v');
    const here = await sub(world.port(), '5', '-t', `${name}/#`, '-q', '1', '-v');
    await pub(port, '5', '-t', 'there/down', '-m', 'from-there', '-q', '1');
    await here.says('from-there');
    await pub(world.port(), '5', '-t', `${name}/up`, '-m', 'from-here', '-q', '1');
    await there.says('from-here');
    await pub(port, '5', '-t', 'there/last', '-m', 'end', '-q', '1');
    // Topics may be in different queues: there is no order between them.
    for (const text of ['from-here', 'last end']) await here.says(text);
    for (const tool of [there, here]) tool.stop();
    expect(messagesIn(await there.ended)).toEqual(['there/down from-there', 'there/up from-here', 'there/last end']);
    expect(messagesIn(await here.ended).sort()).toEqual([`${name}/down from-there`, `${name}/last end`, `${name}/up from-here`]);
    const [message] = await world.messages('mqtt', 1, ({ key }) => key === `${name}/down`);
    expect(message?.properties['mqtt.from']).toBe(name);
  });

  it('misses nothing of QoS 1 that came while the bridge, or the other broker, was away', async () => {
    const port = await freePort();
    const broker = await mosquitto(port);
    const start = (): Promise<Served> =>
      bridge(
        ...[
          '--listen',
          'mqtt://127.0.0.1:0',
          '--name',
          'away',
          '--upstream',
          `mqtt://127.0.0.1:${port}`,
          '--upstream-name',
          'away',
        ],
        ...['--upstream-topic', 'in/# in 1 away/', '--upstream-topic', 'out/# out 1 away/'],
      );
    const first = await start();
    await broker.says('Received SUBSCRIBE');
    await first.stop();
    for (const text of ['1', '2', '3']) await pub(port, '5', '-t', 'in/x', '-m', text, '-q', '1');
    await start();
    const found = await world.messages('mqtt', 3, ({ key }) => key === 'away/in/x');
    expect(found.map(({ body }) => Buffer.from(body).toString())).toEqual(['1', '2', '3']);
    broker.stop();
    await broker.ended;
    const here = await device(`mqtt://127.0.0.1:${world.port()}`, { protocolVersion: 5 });
    for (const text of ['4', '5', '6']) await here.client.publishAsync(`away/out/${text}`, text, { qos: 1, retain: true });
    await here.client.endAsync();
    const again = await mosquitto(port);
    const received = (): number => again.err.split('Received PUBLISH from qanat-away').length - 1;
    while (received() < 3) await again.more();
    const there = await sub(port, '5', '-t', 'out/#', '-q', '1', '-C', '3', '-v');
    expect(messagesIn(await there.ended).sort()).toEqual(['out/4 4', 'out/5 5', 'out/6 6']);
  });

  it.each(['5', '3.1.1'])(
    'fetches what is retained there once, however often it starts, in version %s [QNT-MQT-123]',
    async (protocol) => {
      const port = await freePort();
      const broker = await mosquitto(port);
      const name = `once${protocol.replaceAll('.', '')}`;
      const start = (...patterns: string[]): Promise<Served> =>
        bridge(
          ...['--listen', 'mqtt://127.0.0.1:0', '--name', name, '--upstream', `mqtt://127.0.0.1:${port}`],
          ...['--upstream-name', name, '--upstream-protocol', protocol],
          ...patterns.flatMap((pattern) => ['--upstream-topic', `${pattern} in 1 ${name}/`]),
        );
      const fetched = async (count: number): Promise<string[]> => {
        const found = await world.messages('mqtt', count, ({ key }) => key?.startsWith(`${name}/`) === true);
        return found.map(({ key, body }) => `${key?.slice(name.length + 1)} ${Buffer.from(body).toString()}`).sort();
      };
      // The tool sometimes finds nobody at a broker that has only just said that it runs.
      for (const topic of ['kept/x', 'more/x'])
        while ((await pub(port, '5', '-t', topic, '-m', 'retained', '-q', '1', '-r')).code !== 0);
      const first = await start('kept/#');
      expect(await fetched(1)).toEqual(['kept/x retained']);
      // Otherwise it would come again.
      await broker.says('Received PUBACK from qanat-once');
      await first.stop();
      // It subscribes in this order, and stores one after the other.
      const second = await start('kept/#', 'more/#');
      expect(await fetched(2)).toEqual(['kept/x retained', 'more/x retained']);
      while (broker.err.split('Received PUBACK from qanat-once').length < 3) await broker.more();
      await second.stop();
      await start('more/#');
      await broker.says('Received UNSUBSCRIBE');
      await broker.says('\tkept/#\n');
      for (const topic of ['kept/x', 'more/x']) await pub(port, '5', '-t', topic, '-m', 'last', '-q', '1');
      expect(await fetched(3)).toEqual(['kept/x retained', 'more/x last', 'more/x retained']);
    },
  );

  it('goes on behind a message at which it ends the connection of 3.1.1 each time [QNT-MQT-124]', async () => {
    const [port, config] = [await freePort(), join(world.folder, 'ends.conf')];
    writeFileSync(config, [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'max_packet_size 300'].join('\n'));
    const broker = await mosquitto(port, '-c', config);
    const served = await bridge(
      ...['--listen', 'mqtt://127.0.0.1:0', '--name', 'ends', '--upstream', `mqtt://127.0.0.1:${port}`],
      ...['--upstream-name', 'ends', '--upstream-protocol', '3.1.1', '--upstream-topic', '# out 2 ends/ ends/'],
    );
    await broker.says('as qanat-ends');
    const there = await sub(port, '5', '-t', 'ends/#', '-q', '2', '-C', '3', '-F', '%t %l');
    const here = await device(`mqtt://127.0.0.1:${world.port()}`, { protocolVersion: 5 });
    for (const bytes of [1, 300, 2, 3]) await here.client.publishAsync('ends/up', 'x'.repeat(bytes), { qos: 2 });
    await here.client.endAsync();
    expect(messagesIn(await there.ended)).toEqual(['ends/up 1', 'ends/up 2', 'ends/up 3']);
    expect(served.io.stderr.text).toMatch(/upstream\.dropped.*ended 3 connections in a row/);
  }, 20_000);

  it.each(['5', '3.1.1'])(
    'sends a message of QoS 2 anew where it lost the session before PUBREL, in version %s [QNT-MQT-125]',
    async (protocol) => {
      const [port, name] = [await freePort(), `lost${protocol.replaceAll('.', '')}`];
      const broker = await mosquitto(port);
      // Between them: at the first PUBREL the broker, which keeps nothing on a disk, is started anew.
      let restarted: Promise<Tool> | undefined;
      const between = createServer((socket) => {
        const there = connect(port, '127.0.0.1');
        for (const [from, to] of [
          [socket, there],
          [there, socket],
        ] as const) {
          from.on('error', () => to.destroy());
          from.on('close', () => to.destroy());
        }
        there.pipe(socket);
        socket.on('data', (bytes) => {
          if (restarted !== undefined || bytes[0] !== PUBREL) return void there.write(bytes);
          broker.stop();
          restarted = broker.ended.then(() => mosquitto(port));
          return socket.destroy();
        });
      }).listen(0, '127.0.0.1');
      await once(between, 'listening');
      stops.push(async () => void between.close());
      await bridge(
        ...['--listen', 'mqtt://127.0.0.1:0', '--name', name, '--upstream-name', name, '--upstream-protocol', protocol],
        ...['--upstream', `mqtt://127.0.0.1:${(between.address() as AddressInfo).port}`, '--upstream-topic', `${name}/# out 2`],
      );
      await broker.says(`as qanat-${name}`);
      const here = await device(`mqtt://127.0.0.1:${world.port()}`, { protocolVersion: 5 });
      await here.client.publishAsync(`${name}/x`, 'once', { qos: 2, retain: true });
      await here.client.endAsync();
      await broker.ended;
      await (await restarted)?.says(`Sending PUBCOMP to qanat-${name}`);
      const there = await sub(port, '5', '-t', `${name}/x`, '-C', '1', '-v');
      expect(messagesIn(await there.ended)).toEqual([`${name}/x once`]);
    },
  );

  it('sends it no more than it takes, and what follows goes on [QNT-MQT-105] [QNT-MQT-106]', async () => {
    const [port, config] = [await freePort(), join(world.folder, 'limits.conf')];
    const limits = ['max_packet_size 300', 'max_qos 1', 'retain_available false'];
    writeFileSync(config, [`listener ${port} 127.0.0.1`, 'allow_anonymous true', ...limits].join('\n'));
    const broker = await mosquitto(port, '-c', config);
    const served = await bridge(
      ...['--listen', 'mqtt://127.0.0.1:0', '--name', 'limits', '--upstream', `mqtt://127.0.0.1:${port}`],
      ...['--upstream-name', 'limits', '--upstream-topic', '# both 2 limits/ limits/'],
    );
    await broker.says('Received SUBSCRIBE');
    const there = await sub(port, '5', '-t', 'limits/#', '-q', '1', '-C', '2', '-F', '%t %q %r %l');
    const here = await device(`mqtt://127.0.0.1:${world.port()}`, { protocolVersion: 5 });
    // One key, one queue: the large one stands before what follows.
    for (const bytes of [1, 300, 2]) await here.client.publishAsync('limits/up', 'x'.repeat(bytes), { qos: 2, retain: true });
    await here.client.endAsync();
    expect(messagesIn(await there.ended)).toEqual(['limits/up 1 0 1', 'limits/up 1 0 2']);
    await served.io.stderr.has('upstream.dropped');
    expect(served.io.stderr.text).toMatch(/upstream\.limited.*qosMax.*retain/);
    expect(broker.err.match(/New client connected from \S+ as qanat-limits/g)).toHaveLength(1);
  });

  it('reaches it over TLS as a user, and says so where the password is wrong', async () => {
    const [port, tls] = [await freePort(), join(world.folder, 'upstream-tls')];
    await qanat(['tls', 'init', '--dir', tls]);
    const [ca, passwords, config] = ['ca.pem', 'passwords', 'mosquitto.conf'].map((file) => join(tls, file)) as [
      string,
      string,
      string,
    ];
    await new Tool('mosquitto_passwd', ['-c', '-b', passwords, 'qanat', 'secret']).ended;
    const lines = [
      `listener ${port} 127.0.0.1`,
      `certfile ${join(tls, 'server.pem')}`,
      `keyfile ${join(tls, 'server-key.pem')}`,
      `password_file ${passwords}`,
      'allow_anonymous false',
      // Started as root it would become another one, who may not read the key.
      `user ${userInfo().username}`,
    ];
    writeFileSync(config, lines.join('\n'));
    const broker = await mosquitto(port, '-c', config);
    const joined = (name: string, password: string): Promise<Served> => {
      writeFileSync(join(tls, name), password);
      const as = ['--upstream-ca', ca, '--upstream-user', 'qanat', '--upstream-password-from', join(tls, name)];
      return bridge(
        ...['--listen', 'mqtt://127.0.0.1:0', '--name', name, '--upstream', `mqtts://localhost:${port}`, '--upstream-name', name],
        ...as,
        ...['--upstream-topic', `# both 1 ${name}/ ${name}/`],
      );
    };
    await joined('tls-user', 'secret');
    await broker.says('Received SUBSCRIBE');
    const login = ['--cafile', ca, '-u', 'qanat', '-P', 'secret'];
    const there = await sub(port, '5', ...login, '-t', 'tls-user/up', '-q', '1', '-C', '1', '-v');
    await pub(port, '5', ...login, '-t', 'tls-user/down', '-m', 'from-there', '-q', '1');
    await pub(world.port(), '5', '-t', 'tls-user/up', '-m', 'from-here', '-q', '1');
    expect(messagesIn(await there.ended)).toEqual(['tls-user/up from-here']);
    const [message] = await world.messages('mqtt', 1, ({ key }) => key === 'tls-user/down');
    expect(Buffer.from(message?.body ?? []).toString()).toBe('from-there');
    const wrong = await joined('tls-wrong', 'guessed');
    await wrong.io.stderr.has('upstream.disconnected');
    expect(wrong.io.stderr.text).toMatch(/Not authorized/i);
  });
});

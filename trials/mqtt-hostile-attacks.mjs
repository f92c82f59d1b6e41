// What hostile devices try against an MQTT listener. An attack gives its verdict: what the bridge did, and whether the standard
// wants it so. It runs in a thread of its own, so that it takes no time from the devices that are measured.
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import mqttPacket from 'mqtt-packet';
import { Dice, Mutator } from '../fuzz/mutate.mjs';
import { inParallel } from './hostile-peer.mjs';
import { sleep } from './processes.mjs';

const { generate } = mqttPacket;
const CONNECT_DEADLINE_MS = 10_000;
const SLACK_MS = 6_000;
const MIB = 1024 * 1024;
const Reason = { MALFORMED: 0x81, PROTOCOL_ERROR: 0x82, RECEIVE_MAXIMUM: 0x93, TOO_LARGE: 0x95, QUOTA: 0x97 };

/** A device that says whatever an attack wants, and keeps the reason with which it was sent away. */
class Hostile {
  received = Buffer.alloc(0);
  #socket;
  #closed;
  open = true;

  constructor({ host, port }, { reads = true } = {}) {
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('error', () => {});
    this.#closed = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.open = false;
        resolve();
      });
    });
    if (reads)
      this.#socket.on('data', (chunk) => {
        if (this.received.length < 4_096) this.received = Buffer.concat([this.received, chunk]);
      });
    else this.#socket.pause();
  }

  send(bytes) {
    if (!this.open) return Promise.resolve(false);
    // A write that the end of the connection overtakes is called back with an error.
    return new Promise((resolve) => this.#socket.write(bytes, (error) => resolve(!error)));
  }

  /** Lets the attack read what waits: only then it sees that the bridge has ended the connection. */
  read() {
    this.#socket.on('data', () => {});
    this.#socket.resume();
  }

  async endedWithin(ms) {
    await Promise.race([this.#closed, sleep(ms)]);
    return !this.open;
  }

  destroy() {
    this.#socket.destroy();
  }

  /** Reason of the DISCONNECT or failed CONNACK behind everything else that came; undefined where there was none. */
  get reason() {
    let reason;
    for (let at = 0; at + 2 <= this.received.length; ) {
      const type = this.received[at] >> 4;
      const length = this.received[at + 1];
      if (type === 14) reason = this.received[at + 2];
      if (type === 2 && this.received[at + 3] !== 0) reason = this.received[at + 3];
      at += 2 + length;
    }
    return reason;
  }
}

let clients = 0;
const connectPacket = (more = {}) =>
  generate(
    {
      cmd: 'connect',
      clientId: `hostile-${++clients}`,
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: true,
      keepalive: 0,
      ...more,
    },
    { protocolVersion: more.protocolVersion ?? 5 },
  );
const packet = (one, protocolVersion = 5) => generate(one, { protocolVersion });
const publish = (more = {}) =>
  packet({ cmd: 'publish', topic: 'hostile', payload: Buffer.from('x'), qos: 0, retain: false, dup: false, ...more });

/** One of each type that a client sends. */
const everyPacket = (version) => [
  packet(
    {
      cmd: 'publish',
      topic: 'a/b',
      payload: 'payload',
      qos: 2,
      messageId: 7,
      retain: true,
      dup: false,
      properties: version === 5 ? { contentType: 'text' } : undefined,
    },
    version,
  ),
  ...['puback', 'pubrec', 'pubrel', 'pubcomp'].map((cmd) => packet({ cmd, messageId: 8 }, version)),
  packet({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: 'a/+', qos: 1, nl: false, rap: false, rh: 0 }] }, version),
  packet({ cmd: 'unsubscribe', messageId: 10, unsubscriptions: ['a/+'] }, version),
  packet({ cmd: 'pingreq' }, version),
  packet({ cmd: 'disconnect', reasonCode: 0 }, version),
];

export function attacks(target, dice) {
  const connected = async (settings, more) => {
    const device = new Hostile(target, settings);
    await device.send(connectPacket(more));
    return device;
  };
  const all = async (items, one, { width = 100, withinMs = SLACK_MS } = {}) => {
    const devices = await inParallel(items, width, async (item) => {
      const device = await one(item);
      await device.endedWithin(withinMs);
      device.destroy();
      return device;
    });
    return devices;
  };
  const reasons = (devices) =>
    [...new Set(devices.map(({ reason }) => (reason === undefined ? 'closed' : `0x${reason.toString(16)}`)))].join(' ');
  /** All were ended, each with one of these reasons or by a mere close. */
  const ended = async (items, one, allowed, options) => {
    let ends = 0;
    const devices = await inParallel(items, options?.width ?? 100, async (item) => {
      const device = await one(item);
      if (await device.endedWithin(options?.withinMs ?? SLACK_MS)) ends++;
      device.destroy();
      return device;
    });
    const wrong = devices.filter(({ reason }) => reason !== undefined && !allowed.includes(reason)).length;
    return { passed: ends === items.length && wrong === 0, text: `${ends} of ${items.length} were ended: ${reasons(devices)}` };
  };

  /** Whether somebody who comes now is let in. */
  const serves = async () => {
    const device = await connected();
    for (const endMs = performance.now() + SLACK_MS; device.received.length === 0 && performance.now() < endMs; ) await sleep(10);
    device.destroy();
    return device.received[0] === 0x20;
  };

  return {
    'random bytes': () =>
      ended(
        Array.from({ length: 300 }, () => Buffer.from(Array.from({ length: 12 + dice.below(2_048) }, () => dice.below(256)))),
        async (bytes) => {
          const device = new Hostile(target);
          await device.send(bytes);
          return device;
        },
        Object.values(Reason).concat(0x84),
        { withinMs: CONNECT_DEADLINE_MS + SLACK_MS, width: 300 },
      ),

    'every packet cut at every byte, both versions, then a packet of a server': async () => {
      const cuts = [4, 5].flatMap((version) =>
        everyPacket(version).flatMap((bytes) =>
          Array.from({ length: bytes.length - 1 }, (_, i) => ({ version, bytes: bytes.subarray(0, i + 1) })),
        ),
      );
      const bad = Buffer.concat([Buffer.alloc(300, 0xff)]);
      return ended(
        cuts,
        async ({ version, bytes }) => {
          const device = new Hostile(target);
          await device.send(Buffer.concat([connectPacket({ protocolVersion: version }), bytes, bad]));
          return device;
        },
        [...Object.values(Reason), 0x8f, 0x90, 0x94, 0x99, 0x8c],
      );
    },

    'changed packets': async () => {
      const mutator = new Mutator(dice);
      const seeds = [4, 5].flatMap(everyPacket);
      const devices = await all(
        Array.from({ length: 500 }, () => {
          const [one, other] = [seeds[dice.below(seeds.length)], seeds[dice.below(seeds.length)]];
          return Buffer.from(mutator.mutate(one, other));
        }),
        async (bytes) => {
          const device = await connected();
          await device.send(bytes);
          return device;
        },
        { withinMs: 200 },
      );
      // What they were told is something that a server may say.
      const known = new Set([undefined, ...Object.values(Reason), 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x94, 0x99, 0x9b]);
      const odd = devices.filter(({ reason }) => !known.has(reason)).length;
      return { passed: odd === 0 && (await serves()), text: `${devices.length} devices heard ${reasons(devices)}` };
    },

    'lengths beyond all bounds': () =>
      ended(
        [
          Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]),
          Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f]),
          ...[0x30, 0x82, 0x62, 0xa2, 0xe0, 0xf0].map((first) =>
            Buffer.concat([connectPacket(), Buffer.from([first, 0xff, 0xff, 0xff, 0x7f])]),
          ),
        ],
        async (bytes) => {
          const device = new Hostile(target);
          await device.send(bytes);
          return device;
        },
        [Reason.MALFORMED, Reason.TOO_LARGE],
      ),

    '1,000 sockets that declare the longest packet, and send most of it': async () => {
      const devices = await inParallel(Array.from({ length: 1_000 }), 100, () => connected());
      const head = Buffer.from([0x30, 0xf0, 0xff, 0x3f, 0, 7]);
      await inParallel(devices, 50, (device) =>
        device.send(Buffer.concat([head, Buffer.from('hostile'), Buffer.alloc(32 * 1024)])),
      );
      await sleep(1_000);
      const open = devices.filter((device) => device.open).length;
      for (const device of devices) device.destroy();
      return { passed: open === devices.length, text: `${open} of ${devices.length} wait for the rest` };
    },

    '64 sockets that send the longest packet but for a byte': async () => {
      const devices = await inParallel(Array.from({ length: 64 }), 64, () => connected());
      const body = Buffer.alloc(MIB - 16);
      const head = Buffer.from([0x30, (body.length & 127) | 128, ((body.length >> 7) & 127) | 128, body.length >> 14]);
      body[1] = 7;
      await inParallel(devices, 8, (device) => device.send(Buffer.concat([head, body.subarray(0, body.length - 1)])));
      await sleep(500);
      const open = devices.filter((device) => device.open).length;
      for (const device of devices) device.destroy();
      return { passed: open === devices.length && (await serves()), text: `${open} of ${devices.length} wait for a byte` };
    },

    'one byte a second': async () => {
      const slow = async (first, rest) => {
        const device = new Hostile(target);
        if (first.length > 0) await device.send(first);
        const startMs = performance.now();
        for (let i = 0; device.open && performance.now() - startMs < CONNECT_DEADLINE_MS + SLACK_MS; i++) {
          await device.send(rest.subarray(i % rest.length, (i % rest.length) + 1));
          await device.endedWithin(1_000);
        }
        device.destroy();
        return device.open ? Number.POSITIVE_INFINITY : performance.now() - startMs;
      };
      const keepAlive = connectPacket({ keepalive: 2 });
      const [first, later] = await Promise.all([
        slow(Buffer.alloc(0), connectPacket()),
        slow(keepAlive, publish({ payload: Buffer.alloc(64) })),
      ]);
      const text = `ended in CONNECT after ${(first / 1000).toFixed(1)} s, in PUBLISH with a Keep Alive of 2 s after ${(later / 1000).toFixed(1)} s`;
      return { passed: first <= CONNECT_DEADLINE_MS + SLACK_MS && later <= CONNECT_DEADLINE_MS + SLACK_MS, text };
    },

    'Keep Alive of a second, and silence': () =>
      ended(Array.from({ length: 100 }), () => connected({}, { keepalive: 1 }), [0x8d]),

    'a megabyte of user properties': () =>
      ended(
        [
          connectPacket({ properties: { userProperties: { a: Array.from({ length: 8_000 }, () => 'b') } } }),
          publish({ properties: { userProperties: { a: Array.from({ length: 100_000 }, () => 'b') } } }),
        ],
        async (bytes) => {
          const device = bytes[0] >> 4 === 1 ? new Hostile(target) : await connected();
          await device.send(bytes);
          return device;
        },
        [Reason.TOO_LARGE, Reason.QUOTA],
      ),

    'QoS 2 without end and without PUBREL': () =>
      ended(Array.from({ length: 20 }), async () => {
        const device = await connected();
        await device.send(Buffer.concat(Array.from({ length: 2_000 }, (_, i) => publish({ qos: 2, messageId: i + 1 }))));
        return device;
      }, [Reason.RECEIVE_MAXIMUM]),

    'a second CONNECT, and packets of servers': () =>
      ended(
        [connectPacket(), Buffer.from([0x20, 3, 0, 0, 0]), Buffer.from([0x90, 4, 0, 1, 0, 0]), Buffer.from([0xd0, 0])],
        async (bytes) => {
          const device = await connected();
          await device.send(bytes);
          return device;
        },
        [Reason.PROTOCOL_ERROR, Reason.MALFORMED],
      ),

    'devices that read nothing of what they ask for': async () => {
      const devices = await inParallel(Array.from({ length: 50 }), 50, () => connected({ reads: false }));
      const subscribe = packet({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: '#', qos: 1, nl: false, rap: false, rh: 0 }],
      });
      await Promise.all(devices.map((device) => device.send(subscribe)));
      const pings = Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.from([0xc0, 0])));
      await Promise.all(devices.map((device) => Promise.race([device.send(pings), sleep(2_000)])));
      const flood = await connected();
      const burst = Buffer.concat(Array.from({ length: 100 }, () => publish({ payload: Buffer.alloc(4_096) })));
      for (let i = 0; i < 100; i++) await Promise.race([flood.send(burst), sleep(2_000)]);
      await sleep(1_000);
      const open = devices.filter((device) => device.open).length;
      const served = await serves();
      for (const device of [...devices, flood]) device.destroy();
      return { passed: served, text: `40 MB were published for all of them; ${open} of ${devices.length} are still there` };
    },

    '500 connections that take one client id from each other': async () => {
      const devices = await inParallel(Array.from({ length: 500 }), 50, () => connected({}, { clientId: 'wanted' }));
      await sleep(1_500);
      const open = devices.filter((device) => device.open).length;
      for (const device of devices) device.destroy();
      return { passed: open === 1, text: `${open} of ${devices.length} is left: ${reasons(devices)}` };
    },
  };
}

if (parentPort !== null) {
  for (const [name, attack] of Object.entries(attacks(workerData.target, new Dice(workerData.seed)))) {
    parentPort.postMessage({ kind: 'begins', name });
    const startMs = performance.now();
    const verdict = await attack().catch((error) => ({ passed: false, text: `broke off: ${error.stack}` }));
    parentPort.postMessage({ kind: 'ended', name, ms: performance.now() - startMs, verdict });
  }
}

// A process of its own that puts MQTT load on one port, and says what came of it. Its settings come as JSON.
import { Buffer } from 'node:buffer';
import { Device, publishPacket } from './mqtt-device.mjs';
import { monotonicMs, startPacedPublisher } from './mqtt-paced-publisher.mjs';
import { Histogram } from './percentiles.mjs';

const settings = JSON.parse(process.argv[2]);
const { port, payloadBytes, warmUpMs, durationMs } = settings;
/** Packets of QoS 0 in one write. */
const BURST = 64;
/** Nothing has come for so long: nothing more will. */
const QUIET_MS = 1_500;
const PATIENCE_MS = 60_000;
/** The publisher's thread is connected by then. */
const HEAD_START_MS = 200;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const open = (count, name) => Promise.all(Array.from({ length: count }, (_, i) => Device.open(port, `${name}-${i}`)));

/** What a counter grew by while the measured time ran. */
async function measured(counters) {
  await sleep(warmUpMs);
  const before = counters();
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  await sleep(durationMs);
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const rates = Object.fromEntries(Object.entries(counters()).map(([name, count]) => [name, (count - before[name]) / seconds]));
  return { ...rates, loadCpu: (user + system) / 1e6 / seconds };
}

/** Waits until a counter has reached what is wanted, or stands still. */
async function settled(count, wanted) {
  let last = -1;
  let quietMs = 0;
  for (let waitedMs = 0; count() < wanted && quietMs < QUIET_MS && waitedMs < PATIENCE_MS; waitedMs += 100) {
    quietMs = count() === last ? quietMs + 100 : 0;
    last = count();
    await sleep(100);
  }
}

async function subscribers(qos) {
  const devices = await open(settings.subscribers, 'sub');
  const state = { received: 0, devices };
  for (const device of devices) device.onPublish = () => void state.received++;
  await Promise.all(devices.map((device) => device.subscribe('bench/#', qos)));
  return state;
}

/** Publishers that always have `window` unacknowledged packets under way; with QoS 0 as many as the socket takes. */
async function publishers(qos) {
  const devices = await open(settings.publishers, 'pub');
  const state = { published: 0, acked: 0, devices, stopped: false };
  devices.forEach((device, i) => {
    const topic = `bench/${i}`;
    const payload = Buffer.alloc(payloadBytes, 65);
    if (qos === 0) {
      const burst = Buffer.concat(Array.from({ length: BURST }, () => publishPacket(topic, payload, 0)));
      const flood = () => {
        if (state.stopped) return;
        const goesOn = device.write(burst);
        state.published += BURST;
        if (goesOn) setImmediate(flood);
      };
      device.onDrain = flood;
      state.start = [...(state.start ?? []), flood];
      return;
    }
    // Packet ids in a ring as long as the window allows, made once.
    const ring = settings.window * 2;
    const length = publishPacket(topic, payload, 1, 1).length;
    const packets = Buffer.concat(Array.from({ length: ring }, (_, id) => publishPacket(topic, payload, 1, id + 1)));
    let next = 0;
    const send = (count) => {
      if (state.stopped) return;
      state.published += count;
      for (let left = count; left > 0; ) {
        const run = Math.min(left, ring - next);
        device.write(packets.subarray(next * length, (next + run) * length));
        next = (next + run) % ring;
        left -= run;
      }
    };
    device.onAck = (count) => {
      state.acked += count;
      send(count);
    };
    state.start = [...(state.start ?? []), () => send(settings.window)];
  });
  return state;
}

const WORKS = {
  async throughput({ qos }) {
    const sub = await subscribers(qos);
    const pub = await publishers(qos);
    for (const start of pub.start) start();
    const rates = await measured(() => ({ received: sub.received, published: pub.published, acked: pub.acked }));
    pub.stopped = true;
    const promised = () => (qos === 0 ? pub.published : pub.acked);
    if (qos > 0) await settled(() => pub.acked, pub.published);
    await settled(() => sub.received, promised() * settings.subscribers);
    const expected = promised() * settings.subscribers;
    return { ...rates, expected, lost: Math.max(0, expected - sub.received), again: Math.max(0, sub.received - expected) };
  },

  async latency({ qos }) {
    const [subscriber] = await open(1, 'sub');
    await subscriber.subscribe('bench/#', qos);
    const histogram = new Histogram();
    const warmUp = Math.floor((settings.rate * warmUpMs) / 1000);
    const total = warmUp + Math.floor((settings.rate * durationMs) / 1000);
    let received = 0;
    subscriber.onPublish = (bytes, at) => {
      if (received++ >= warmUp) histogram.record(monotonicMs() - bytes.readDoubleBE(at));
    };
    const startMs = monotonicMs() + HEAD_START_MS;
    const publisher = startPacedPublisher({
      port,
      topic: 'bench/latency',
      qos,
      payloadBytes,
      rate: settings.rate,
      total,
      startMs,
    });
    await settled(() => received, total);
    await publisher.terminate();
    return { latency: histogram.summary(), lost: total - received };
  },

  async idle() {
    const devices = [];
    for (let i = 0; i < settings.connections; i += 200) {
      const batch = Array.from({ length: Math.min(200, settings.connections - i) }, (_, j) => Device.open(port, `idle-${i + j}`));
      devices.push(...(await Promise.all(batch)));
    }
    process.send({ open: devices.length });
    await new Promise((resolve) => process.once('message', resolve));
    return { connections: devices.length };
  },
};

const result = await WORKS[settings.work](settings);
process.send({ result }, () => process.exit(0));

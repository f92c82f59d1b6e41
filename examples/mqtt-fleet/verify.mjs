// Holds what lies in the log against what the devices were promised.

/** Messages of the devices in the log, by device and number: how often each is stored, and whether first ones are in order. */
export async function readTelemetry(client, topic) {
  const stored = new Map();
  const last = new Map();
  const disordered = [];
  for await (const message of client.pullConsumer().read(topic, { from: 'first', until: 'end' })) {
    if (!message.key.endsWith('/telemetry')) continue;
    const { device, n } = JSON.parse(new TextDecoder().decode(message.body));
    const id = `${device}/${n}`;
    const before = stored.get(id) ?? 0;
    stored.set(id, before + 1);
    if (before > 0) continue;
    if (n < (last.get(device) ?? -1)) disordered.push(id);
    last.set(device, n);
  }
  return { stored, disordered };
}

/** @returns faults, in words, and counts. */
export function verifyTelemetry(devices, { stored, disordered }) {
  const faults = disordered.map((id) => `${id} is behind a later one`);
  let acked = 0;
  let again = 0;
  for (const device of devices) {
    for (const n of device.acked) {
      acked++;
      if (!stored.has(`${device.id}/${n}`)) faults.push(`${device.id}/${n} was acknowledged and is not in the log`);
    }
    for (let n = 0; n < device.published; n++) {
      const copies = stored.get(`${device.id}/${n}`) ?? 0;
      const sent = device.sent[n] ?? 0;
      if (copies > 1) again += copies - 1;
      if (copies > sent) faults.push(`${device.id}/${n} is stored ${copies} times and was sent ${sent} times`);
    }
  }
  return { faults, acked, again };
}

export function verifyCommands(devices, commands) {
  const faults = [];
  let again = 0;
  for (const { device, n } of commands) {
    const times = devices[device].commands.get(n) ?? 0;
    if (times === 0) faults.push(`command ${n} did not reach ${devices[device].id}`);
    again += Math.max(0, times - 1);
  }
  return { faults, again };
}

// The members of one group: processes of `qanat tail`, and what each of them printed.
import { QanatProcess } from './processes.mjs';
import { until } from './trial.mjs';

class Tail {
  label;
  /** Ended by kill -9: what it printed last it could not commit. */
  killed = false;
  /** Notes on standard error, as objects. */
  notes = [];
  #process;

  constructor(label, args, log, onMessage) {
    this.label = label;
    this.#process = new QanatProcess(args, {
      log,
      onLine: (line) => onMessage(this, JSON.parse(line)),
      onNote: (line) => this.notes.push(noteOf(line)),
    });
  }

  get running() {
    return this.#process.running;
  }

  freeze() {
    this.#process.freeze();
  }

  thaw() {
    this.#process.thaw();
  }

  /** @returns the exit code. */
  end(signal) {
    this.killed ||= signal === 'SIGKILL';
    return this.#process.end(signal);
  }
}

function noteOf(line) {
  const atMs = performance.now();
  try {
    return { atMs, ...JSON.parse(line) };
  } catch {
    return { atMs, level: 'error', message: line };
  }
}

export class Crew {
  group;
  /** `place@offset` -> the deliveries */
  deliveries = new Map();
  tails = new Map();
  #trial;
  #cluster;
  #topic;
  #admin;

  constructor(trial, cluster, topic, group, admin) {
    this.group = group;
    this.#trial = trial;
    this.#cluster = cluster;
    this.#topic = topic;
    this.#admin = admin;
    trial.atEnd(async () => {
      await Promise.all([...this.tails.values()].map((tail) => tail.end('SIGKILL')));
    });
  }

  get running() {
    return [...this.tails.values()].filter((tail) => tail.running);
  }

  start(...labels) {
    for (const label of labels) {
      const own = ['--group', this.group, '--from', 'first', '--label', label, '-o', 'json', '--log-format', 'json'];
      const args = ['tail', this.#topic, ...own, '--nameserver', this.#cluster.nameServers];
      this.tails.set(label, new Tail(label, args, this.#trial.log(label), (tail, message) => this.#delivered(tail, message)));
    }
  }

  #delivered({ label }, { broker, queue, offset, key, text }) {
    const place = `${broker}/${queue}`;
    const at = `${place}@${offset}`;
    const delivery = { label, place, offset, key, text, atMs: performance.now() };
    const before = this.deliveries.get(at);
    if (before === undefined) this.deliveries.set(at, [delivery]);
    else before.push(delivery);
  }

  /** What `group describe -o json` says. */
  async describe() {
    const { code, output, notes } = await this.#cluster.qanat('group', 'describe', this.group, '-o', 'json');
    if (code !== 0) throw new Error(`group describe ended with ${code}: ${notes.join(' ')}`);
    return JSON.parse(output);
  }

  /**
   * Waits until exactly the running tails share the queues in these numbers.
   * @returns how long that took and what the command line says of it then; undefined when it does not come to be.
   */
  async shared(shares, { withinMs, sinceMs = performance.now() }) {
    const done = await until(
      async () => this.#isShared(await this.#admin.describeGroup(this.group).catch(() => undefined), shares),
      {
        withinMs,
        sinceMs,
      },
    );
    if (done === undefined) return undefined;
    const description = await this.describe();
    return this.#isShared(description, shares) ? { ms: done.ms, description } : undefined;
  }

  #isShared(description, shares) {
    if (description === undefined) return undefined;
    const { members, queues } = description;
    const ids = new Map(members.map(({ id, label }) => [id, label]));
    const held = new Map(this.running.map(({ label }) => [label, 0]));
    if (members.length !== held.size) return undefined;
    for (const { member } of queues) {
      const label = ids.get(member);
      if (!held.has(label)) return undefined;
      held.set(label, held.get(label) + 1);
    }
    const counts = [...held.values()].sort((a, b) => b - a);
    return counts.join('/') === shares ? true : undefined;
  }

  /** Deliveries of one message to more than one, or more than once; those that only a kill -9 explains apart. */
  repeated() {
    const unexplained = [];
    let explained = 0;
    for (const [at, list] of this.deliveries) {
      if (list.length === 1) continue;
      // Each of them but the last must be of one that was killed before it could commit.
      if (list.slice(0, -1).every(({ label }) => this.tails.get(label).killed)) explained++;
      else unexplained.push(`${at} came to ${list.map(({ label, atMs }) => `${label} at ${Math.round(atMs)} ms`).join(', ')}`);
    }
    return { explained, unexplained };
  }

  /** Messages that were acknowledged and came to nobody, or came changed. */
  missing(traffic, bodyOf) {
    const missing = [];
    for (const [number, { place, offset }] of traffic.acked) {
      const delivery = this.deliveries.get(`${place}@${offset}`)?.[0];
      if (delivery === undefined) missing.push(`message ${number} (${place}@${offset}) came to nobody`);
      else if (delivery.text !== bodyOf(traffic.name, number))
        missing.push(`${place}@${offset} is "${delivery.text}", not message ${number}`);
    }
    return missing;
  }
}

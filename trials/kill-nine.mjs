// Brokers are killed by kill -9 again and again under load, many while they recover: what was acknowledged is there, once.
import { readFileSync } from 'node:fs';
import { Cluster } from './cluster.mjs';
import { Consuming, checkConsumed } from './consuming.mjs';
import { sleep } from './processes.mjs';
import { Traffic } from './traffic.mjs';
import { seconds, until } from './trial.mjs';
import { checkLog } from './verify.mjs';

const TOPIC = 'orders';
const QUICK_KILLS = 20;
const FULL_KILLS = 200;
/** Per kill, so that the trial ends when something does not come back. */
const KILL_MS_MAX = 3_000;
/** A client waits 2 s at most before it tries again. */
const BACK_MS = 3_000;
const BROKERS = ['broker-a', 'broker-b'];
/** How often a broker that starts is killed once more, and when: it needs about 150 ms until it is ready. */
const AGAIN_SHARE = 0.4;
const AGAIN_WITHIN_MS = 150;

const between = (from, to) => from + Math.random() * (to - from);

export async function killNine(trial) {
  const kills = trial.rounds(QUICK_KILLS, FULL_KILLS);
  const cluster = await new Cluster(trial).start();
  await cluster.createTopic(TOPIC, 4);
  const { client, events } = await cluster.connect('trial');
  const keyed = new Traffic(client, TOPIC, { name: 'keyed', perSecond: 1_500, keys: 50 }).start();
  const free = new Traffic(client, TOPIC, { name: 'free', perSecond: 1_500 }).start();
  const consuming = new Consuming(client, TOPIC);
  await sleep(500);
  const done = await new Killing(trial, cluster, [keyed, free], kills).run();
  await sleep(1_000);
  await Promise.all([keyed.stop(), free.stop()]);
  tellKills(trial, kills, done);
  const traffics = [keyed, free];
  const lost = events.filter(({ kind }) => kind === 'disconnected').length;
  const slowest = `with keys ${seconds(keyed.slowestMs)}, without ${seconds(free.slowestMs)}`;
  trial.note(`slowest acknowledgement: ${slowest}; connections lost: ${lost}`);
  await checkLog(trial, client, TOPIC, traffics);
  await checkConsumed(trial, [consuming], traffics);
}

function tellKills(trial, wanted, { kills, recovering, slowestMs, firstAckMs }) {
  trial.check(
    kills === wanted,
    `${kills} kills of ${wanted}, ${recovering} of them while a broker started; the slowest was ready after ${seconds(slowestMs)}`,
  );
  trial.check(
    firstAckMs < BACK_MS,
    `a broker that is ready acknowledges again after ${seconds(firstAckMs)} at most (less than ${seconds(BACK_MS)})`,
  );
  const logs = BROKERS.map((name) => readFileSync(trial.log(name), 'utf8')).join('');
  const torn = logs.split('log.tail.torn').length - 1;
  trial.note(`recoveries that cut a torn tail: ${torn}`);
  for (const [name, value] of Object.entries({ kills, recovering, torn, slowestMs, firstAckMs })) trial.figure(name, value);
}

/** Kills brokers, each on its own, often enough before the one before is back for both to be down at once. */
class Killing {
  #trial;
  #cluster;
  #traffics;
  #wanted;
  #done = { kills: 0, recovering: 0, slowestMs: 0, firstAckMs: 0 };

  constructor(trial, cluster, traffics, wanted) {
    this.#trial = trial;
    this.#cluster = cluster;
    this.#traffics = traffics;
    this.#wanted = wanted;
  }

  async run() {
    const endMs = performance.now() + this.#wanted * KILL_MS_MAX;
    await Promise.all(BROKERS.map((name) => this.#work(name, endMs)));
    return this.#done;
  }

  get #isOver() {
    return this.#done.kills >= this.#wanted;
  }

  async #work(name, endMs) {
    let upMs = performance.now();
    while (!this.#isOver && performance.now() < endMs) {
      // Most of them while it takes messages: clients need some time to come back.
      if (Math.random() < 0.8) await this.#cameBack(name, upMs);
      await sleep(between(0, 600));
      if (this.#isOver) return;
      await this.#kill(name);
      await sleep(between(0, 200));
      await this.#restart(name);
      upMs = performance.now();
      const { kills, recovering } = this.#done;
      const acked = this.#traffics.reduce((sum, one) => sum + one.acked.size, 0);
      this.#trial.progress(`${kills} kills of ${this.#wanted}, ${recovering} while it started; ${acked} acknowledged`);
    }
  }

  async #kill(name) {
    this.#done.kills++;
    await this.#cluster.end(name, 'SIGKILL');
  }

  async #restart(name) {
    for (;;) {
      const sinceMs = performance.now();
      let settled = false;
      const starting = this.#cluster.startAgain(name).then(
        () => true,
        (error) => error, // it was killed before it was ready, or gave up
      );
      starting.then(() => {
        settled = true;
      });
      if (!this.#isOver && Math.random() < AGAIN_SHARE) {
        await sleep(between(0, AGAIN_WITHIN_MS));
        if (!settled) this.#done.recovering++;
        await this.#kill(name);
        continue;
      }
      const outcome = await starting;
      if (outcome !== true) throw outcome;
      this.#done.slowestMs = Math.max(this.#done.slowestMs, performance.now() - sinceMs);
      return;
    }
  }

  async #cameBack(name, upMs) {
    const hasAcked = () => this.#traffics.some((one) => one.lastAckMs(name) > upMs) || undefined;
    const back = await until(hasAcked, { withinMs: 2 * BACK_MS, everyMs: 10, sinceMs: upMs });
    this.#done.firstAckMs = Math.max(this.#done.firstAckMs, back?.ms ?? Number.POSITIVE_INFINITY);
  }
}

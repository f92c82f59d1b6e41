// A network of its own for some servers and clients, tied to that of the others by one cable that can be cut: nothing comes
// through then, and nobody is told. Linux network namespaces; root.
import { spawnSync } from 'node:child_process';
import { beforeExit } from './processes.mjs';

const NET = '10.213.57';
const MAINLAND = `${NET}.1`;
const ISLAND = `${NET}.2`;

const run = (...command) => spawnSync(command[0], command.slice(1), { encoding: 'utf8' });

function ip(...args) {
  const { status, stderr, error } = run('ip', ...args);
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr ?? error?.message}`);
}

export class Island {
  #names = { space: `qanat-${process.pid}`, bridge: `qb${process.pid}`, cable: `qc${process.pid}`, end: `qe${process.pid}` };
  #inhabitants;

  /** @param inhabitants names of the servers on the island. */
  constructor(inhabitants) {
    this.#inhabitants = new Set(inhabitants);
  }

  /** Builds it. @throws where it may not, which leaves nothing. */
  build(trial) {
    if (process.getuid?.() !== 0 || run('ip', '-V').status !== 0) throw new Error('root and iproute2 are needed');
    const { space, bridge, cable, end } = this.#names;
    beforeExit(() => this.#remove());
    trial.atEnd(async () => this.#remove());
    ip('netns', 'add', space);
    ip('link', 'add', bridge, 'type', 'bridge');
    ip('addr', 'add', `${MAINLAND}/24`, 'dev', bridge);
    ip('link', 'set', bridge, 'up');
    ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', end, 'netns', space);
    ip('link', 'set', cable, 'up');
    ip('-n', space, 'addr', 'add', `${ISLAND}/24`, 'dev', end);
    ip('-n', space, 'link', 'set', end, 'up');
    ip('-n', space, 'link', 'set', 'lo', 'up');
    this.heal();
    return this;
  }

  hostOf(name) {
    return this.#inhabitants.has(name) ? ISLAND : MAINLAND;
  }

  /** What runs a process of this name where it belongs. */
  commandOf(name) {
    return this.#inhabitants.has(name) ? this.inside : [];
  }

  /** What its servers are told besides: they listen beyond loopback. */
  async wire() {
    return { listen: [], args: ['--insecure'] };
  }

  /** All NameServers are where they are for everybody: an address holds on both sides. */
  nameServersFor(_, usual) {
    return usual;
  }

  nameServers(usual) {
    return usual;
  }

  get inside() {
    return ['ip', 'netns', 'exec', this.#names.space];
  }

  cut() {
    ip('link', 'set', this.#names.cable, 'nomaster');
  }

  heal() {
    ip('link', 'set', this.#names.cable, 'master', this.#names.bridge);
  }

  #remove() {
    run('ip', 'link', 'del', this.#names.cable);
    run('ip', 'link', 'del', this.#names.bridge);
    run('ip', 'netns', 'del', this.#names.space);
  }
}

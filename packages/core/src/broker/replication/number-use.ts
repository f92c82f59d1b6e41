import type { EngineHost } from '../../context.ts';

/** The two lives of a number that were heard last. */
interface Lives {
  /** Heard for the first time before the other; undefined: the other is the first. */
  readonly older: number | undefined;
  readonly newer: number;
  /** The one that was heard last. */
  last: number;
  /** The newer was heard again after the older: neither of them is a start of the same process. */
  twice: boolean;
}

/**
 * Tells a replica number that two processes have from one whose process was started again, by the order in which a master hears
 * their lives: a life that has ended is not heard again after the next one, but for what was on its way.
 */
export class NumberUse {
  readonly #lives = new Map<number, Lives>();
  readonly #host: EngineHost;
  readonly #broker: string;

  /** @param broker name of the group. */
  constructor(host: EngineHost, broker: string) {
    this.#host = host;
    this.#broker = broker;
  }

  /** This life is heard. @returns whether a later one of the same number runs beside it. */
  isTaken(replica: number, incarnation: number): boolean {
    const lives = this.#lives.get(replica);
    if (lives === undefined || (incarnation !== lives.older && incarnation !== lives.newer)) {
      this.#lives.set(replica, { older: lives?.last, newer: incarnation, last: incarnation, twice: false });
      return false;
    }
    if (lives.twice) return incarnation === lives.older;
    lives.twice = incarnation === lives.newer && lives.last === lives.older;
    lives.last = incarnation;
    if (lives.twice) this.#tell(replica);
    return false;
  }

  #tell(replica: number): void {
    this.#host.log('warn', 'replication.number-taken', {
      why: `two processes run as replica ${replica} of broker ${this.#broker}: the one that was there first is refused`,
      hint: 'stop one of them, or give it a number and a directory of its own',
    });
  }
}

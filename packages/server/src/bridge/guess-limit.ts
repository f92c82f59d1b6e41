import { type Room, WRONG_PER_ADDRESS, WRONG_PER_USER, WrongPasswords } from './wrong-passwords.ts';

/** Devices that wait until it is known whether others said the right password. */
export const TRIES_WAITING_MAX = 4_096;

/** Who says a password: a user, from an address. */
export interface Guesser {
  readonly host: string;
  readonly user: string;
}

/** What is done when it is known whether the password may be checked. */
export interface Try {
  /** Whether it need not be counted any more: it has proved right meanwhile. */
  readonly isKnown: () => boolean;
  /** @param ended is to be called, once, with what the check said; undefined where it was not counted. */
  readonly check: (ended: ((wrong: boolean) => void) | undefined) => void;
  /** Too many were wrong. */
  readonly refuse: () => void;
}

interface WaitingTry extends Try {
  readonly guesser: Guesser;
}

const pairOf = ({ host, user }: Guesser): string => `${host} ${user}`;

/**
 * Lets nobody try many passwords, also not side by side: who is being checked counts as wrong until he has proved right. Beyond
 * what may be wrong, others of his wait for that: a fleet behind one address comes in although it comes at once.
 */
export class GuessLimit {
  readonly #nowMs: () => number;
  readonly #byUser = new WrongPasswords(WRONG_PER_USER);
  readonly #byAddress = new WrongPasswords(WRONG_PER_ADDRESS);
  /** By host, in their order. */
  readonly #waiting = new Map<string, WaitingTry[]>();
  #waitingCount = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** @returns false: TRIES_WAITING_MAX others wait, and nothing of it is called. */
  run(guesser: Guesser, attempt: Try): boolean {
    const { host } = guesser;
    const waiting = this.#waiting.get(host);
    // In their order: those in front may have to wait for the same.
    if (waiting === undefined && this.#decide(guesser, attempt)) return true;
    if (waiting !== undefined && attempt.isKnown()) {
      attempt.check(undefined);
      return true;
    }
    if (this.#waitingCount >= TRIES_WAITING_MAX) return false;
    this.#waitingCount++;
    if (waiting === undefined) this.#waiting.set(host, [{ ...attempt, guesser }]);
    else waiting.push({ ...attempt, guesser });
    return true;
  }

  /** @returns whether it was decided; otherwise it waits. */
  #decide(guesser: Guesser, attempt: Try): boolean {
    // Who is known comes in even where others of his address have tried too much.
    if (attempt.isKnown()) attempt.check(undefined);
    else {
      const room = this.#room(guesser);
      if (room === 'wait') return false;
      if (room === 'full') attempt.refuse();
      else attempt.check(this.#begin(guesser));
    }
    return true;
  }

  #room(guesser: Guesser): Room {
    const nowMs = this.#nowMs();
    const rooms = [this.#byUser.room(pairOf(guesser), nowMs), this.#byAddress.room(guesser.host, nowMs)];
    return rooms.find((room) => room === 'full') ?? rooms.find((room) => room === 'wait') ?? 'free';
  }

  #begin(guesser: Guesser): (wrong: boolean) => void {
    this.#byUser.begin(pairOf(guesser));
    this.#byAddress.begin(guesser.host);
    return (wrong) => {
      const nowMs = this.#nowMs();
      this.#byUser.ended(pairOf(guesser), wrong, nowMs);
      this.#byAddress.ended(guesser.host, wrong, nowMs);
      this.#goOn(guesser.host);
    };
  }

  #goOn(host: string): void {
    const waiting = this.#waiting.get(host);
    if (waiting === undefined) return;
    let decided = 0;
    for (const attempt of waiting) {
      if (!this.#decide(attempt.guesser, attempt)) break;
      decided++;
    }
    this.#waitingCount -= decided;
    if (decided === waiting.length) this.#waiting.delete(host);
    else waiting.splice(0, decided);
  }
}

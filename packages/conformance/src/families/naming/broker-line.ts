import type { BrokerOperation, Registration, Window } from './operations.ts';

/** `unclear`: the kit cannot know. */
export type Phase = 'unknown' | 'live' | 'away' | 'unclear';

export type Cause = 'start' | 'register' | 'heartbeat' | 'unregister' | 'silence' | 'lost' | 'forgotten' | 'unclear';

/** What a NameServer has of a broker from somewhere in a window on. It ends somewhere in the window of the next one. */
export interface Stay {
  readonly phase: Phase;
  readonly cause: Cause;
  readonly window: Window;
  readonly registration?: Registration;
  /** It came for certain: not one that an operation may have come before. */
  certain: boolean;
}

/** One broker in the table of a NameServer, from the begin of a history to its end. */
export class BrokerLine {
  readonly name: string;
  readonly stays: Stay[] = [];
  /** Requests that changed nothing. */
  readonly ineffective: BrokerOperation[] = [];
  /** Registrations that were accepted. */
  readonly registered: BrokerOperation[] = [];
  /** What each operation found. */
  readonly before = new Map<BrokerOperation, readonly Stay[]>();

  constructor(name: string) {
    this.name = name;
  }

  get last(): Stay {
    return this.stays.at(-1) as Stay;
  }

  /** What can hold somewhere between two places of the history. */
  possible(from: number, to: number): readonly Stay[] {
    return this.stays.filter((stay, i) => {
      const next = this.stays[i + 1];
      return stay.window.from <= to && (next === undefined || next.window.to >= from);
    });
  }

  /** Requests without effect between the begin of a stay and a place. */
  ineffectiveSince(stay: Stay, to: number): readonly BrokerOperation[] {
    return this.ineffective.filter(({ window }) => window.from > stay.window.from && window.from < to);
  }
}

export const isUnclear = (stays: readonly Stay[]): boolean =>
  stays.length === 0 || stays.some(({ phase }) => phase === 'unclear');

export const isKnown = ({ phase }: Stay): boolean => phase === 'live' || phase === 'away';

import { Feature, FRAMES } from '@qanat/core';
import type { Clause, Judge } from '../../clause/clause.ts';
import { isOfSecurity } from '../../history/entry.ts';
import type { ConnectionSeen, FrameSeen, View } from '../../history/view.ts';
import { type Outlook, outlooksOf, type Prospect } from './outlook.ts';
import type { SentFrame } from './sent-frames.ts';

/** What became of a prospect. `open`: nothing can be said. */
export type Outcome =
  | { readonly kind: 'held'; readonly at: FrameSeen | number }
  | { readonly kind: 'broken'; readonly at: FrameSeen | number; readonly sentence: string; readonly field?: string }
  | { readonly kind: 'open' };

const OPEN: Outcome = { kind: 'open' };

/** So long the kit waits before it says that nothing comes; a little less than its operations wait. */
export const PATIENCE_MS = 9_000;

/**
 * A server that ends a connection for a reason of its own so long after a frame that should have ended it did not end it for
 * that frame.
 */
const COINCIDENCE_MS = 3_000;

/** What a server may say of itself at any time, whatever was asked. */
export const OWN_REASONS: ReadonlySet<string | undefined> = new Set([
  'SHUTTING_DOWN',
  'IDLE_TIMEOUT',
  'HELLO_TIMEOUT',
  'SLOW_READER',
  'TOO_MANY_CONNECTIONS',
]);
const OWN_STATE: ReadonlySet<string | undefined> = new Set([
  'SHUTTING_DOWN',
  'NOT_READY',
  'TOO_MANY_REQUESTS',
  'BROKER_BUSY',
  'DISK_FULL',
  'STORAGE_REJECTED',
  'STORAGE_FAILED',
]);

/** The end of what can be judged of a connection. */
interface End {
  /** Place in the history. */
  readonly index: number;
  readonly atMs: number;
  /** The subject ended it, for a reason that lies in what it was sent. */
  readonly bySubject: boolean;
  readonly clean: boolean;
  readonly goAway: FrameSeen | undefined;
}

function endOf(view: View, { connection, disturbedFrom }: Outlook): End {
  const { closed, closedIndex, goAways } = connection;
  const goAway = goAways.find(({ from, index }) => from === 'subject' && index < disturbedFrom);
  if (closed !== undefined && closedIndex < disturbedFrom)
    return { index: closedIndex, atMs: closed.atMs, bySubject: closed.by === 'subject', clean: closed.clean, goAway };
  const index = Math.min(disturbedFrom, view.events.length);
  return { index, atMs: view.events[index]?.atMs ?? view.endMs, bySubject: false, clean: true, goAway };
}

const describe = ({ name, sent, because }: Prospect): string => {
  const type = name ?? `type 0x${sent.type.toString(16).padStart(4, '0')}`;
  return `${sent.isResponse ? 'a response' : sent.isOneWay ? 'a one-way frame' : 'a request'} of ${type}${because === undefined ? '' : ` ${because}`}`;
};

/** How the end of a connection looks, in words. */
const endText = ({ bySubject, clean, goAway }: End): string => {
  if (goAway !== undefined) return `GOAWAY with ${goAway.code ?? 'no code'}`;
  return bySubject ? `the end of the connection${clean ? '' : ' by a reset'}, without GOAWAY` : 'nothing';
};

/** Judges the prospects of one connection. */
function needsOtherFeature({ helloOk }: ConnectionSeen, { name }: Prospect): boolean {
  const feature = name === undefined ? '' : FRAMES[name].feature;
  return feature !== '' && !(helloOk?.features ?? []).includes(Feature[feature]);
}

class Outcomes {
  readonly #outlook: Outlook;
  readonly #end: End;

  constructor(view: View, outlook: Outlook) {
    this.#outlook = outlook;
    this.#end = endOf(view, outlook);
  }

  of(prospect: Prospect): Outcome {
    const { answers, connection, disturbedFrom } = this.#outlook;
    if (prospect.sent.index >= disturbedFrom) return OPEN;
    // Who may not ask is told so, whatever is in it (QNT-ATZ-002).
    if (isOfSecurity(connection, answers.get(prospect.sent)?.code)) return OPEN;
    // Nor does a server look into what belongs to a feature that is not active (QNT-CON-007).
    if (needsOtherFeature(connection, prospect)) return OPEN;
    switch (prospect.expect) {
      case 'closes':
        return this.#closes(prospect);
      case 'refused':
        return this.#refused(prospect);
      case 'answered':
        return this.#answered(prospect);
      case 'ignored':
        return this.#ignored(prospect);
    }
  }

  #closes(prospect: Prospect): Outcome {
    const { sent, codes } = prospect;
    const expected = `${describe(prospect)} has to end the connection with ${codes.join(' or ')}`;
    const { goAway, bySubject, clean } = this.#end;
    const later = this.#answeredBehind(sent);
    const answer = this.#outlook.answers.get(sent);
    if (prospect.answersFirst && answer !== undefined && !codes.includes(answer.code ?? '') && !OWN_STATE.has(answer.code))
      return broken(answer, `${expected}, and to be answered so; got ${codeText(answer)}`, 'code');
    if (later !== undefined) return broken(later, `${expected}; got an answer to what came behind it`, 'type');
    if (goAway !== undefined && goAway.index > sent.index) return this.#closesWith(prospect, goAway, expected);
    if (bySubject && this.#end.index > sent.index)
      return clean && this.#unhandledBefore(sent) === 0
        ? broken(this.#end.index, `${expected}; got ${endText(this.#end)}`)
        : OPEN;
    const got = answer === undefined ? 'nothing' : `an answer (${codeText(answer)}), and the connection goes on`;
    return this.#waited(sent.atMs) ? broken(answer ?? sent.index, `${expected}; got ${got}`) : OPEN;
  }

  #closesWith(prospect: Prospect, goAway: FrameSeen, expected: string): Outcome {
    const { sent, codes, answersFirst } = prospect;
    if (!codes.includes(goAway.code ?? '')) {
      const isOwn = OWN_REASONS.has(goAway.code) && goAway.atMs - sent.atMs < COINCIDENCE_MS;
      if (isOwn || this.#unhandledBefore(sent) > 0) return OPEN;
      return broken(goAway, `${expected}; got ${endText(this.#end)}`, 'code');
    }
    if (!this.#end.bySubject)
      return this.#waited(goAway.atMs) ? broken(goAway, `${expected}; got GOAWAY, and no end of the connection`) : OPEN;
    if (answersFirst !== true) return held(goAway);
    const answer = this.#outlook.answers.get(sent);
    const said = `${describe(prospect)} has to be answered ${codes.join(' or ')} before GOAWAY`;
    if (answer === undefined) return broken(goAway, `${said}; got no answer`);
    return codes.includes(answer.code ?? '') ? held(goAway) : broken(answer, `${said}; got ${codeText(answer)}`, 'code');
  }

  #refused(prospect: Prospect): Outcome {
    const { sent, codes } = prospect;
    const expected = `${describe(prospect)} has to be answered ${codes.join(' or ')}`;
    const answer = this.#outlook.answers.get(sent);
    if (answer === undefined) return this.#unanswered(prospect, expected);
    if (!codes.includes(answer.code ?? ''))
      return OWN_STATE.has(answer.code) ? OPEN : broken(answer, `${expected}; got ${codeText(answer)}`, 'code');
    if (this.#endsFor(prospect))
      return broken(this.#end.index, `the connection has to go on behind ${codes[0]}; got ${endText(this.#end)}`);
    return held(answer);
  }

  #answered(prospect: Prospect): Outcome {
    const { sent, good } = prospect;
    const expected = `${describe(prospect)} has to be answered${good ? ' without ERROR' : ''}`;
    const answer = this.#outlook.answers.get(sent);
    if (answer === undefined) return this.#unanswered(prospect, expected);
    if (!good || !answer.isError) return held(answer);
    return OWN_STATE.has(answer.code) ? OPEN : broken(answer, `${expected}; got ${codeText(answer)}`, 'flags');
  }

  #ignored(prospect: Prospect): Outcome {
    const { sent } = prospect;
    const expected = `${describe(prospect)} has to be passed over`;
    const answer = this.#outlook.strays.find(
      ({ index, type, correlation }) => index > sent.index && type === sent.type && correlation === sent.correlation,
    );
    if (answer !== undefined) return broken(answer, `${expected}; got an answer (${codeText(answer)})`, 'flags');
    if (this.#endsFor(prospect)) return broken(this.#end.index, `${expected}; got ${endText(this.#end)}`);
    const later = this.#answeredBehind(sent);
    return later === undefined ? OPEN : held(later);
  }

  #unanswered(prospect: Prospect, expected: string): Outcome {
    if (this.#endsFor(prospect)) return broken(this.#end.index, `${expected}; got ${endText(this.#end)}`);
    if (this.#end.bySubject || !this.#waited(prospect.sent.atMs + prospect.waitMs)) return OPEN;
    return broken(prospect.sent.index, `${expected}; got nothing`);
  }

  /** The subject ended the connection although nothing had to end it, and nothing but this frame can be the reason. */
  #endsFor({ sent }: Prospect): boolean {
    const { bySubject, goAway, index } = this.#end;
    const { prospects, blindFrom } = this.#outlook;
    if (!bySubject || OWN_REASONS.has(goAway?.code)) return false;
    if (prospects.some(({ expect }) => expect === 'closes') || blindFrom < (goAway?.index ?? index)) return false;
    return this.#outlook.stream.rest.length === 0 && this.#suspect() === sent;
  }

  /**
   * The one frame that can be the reason of an end that nothing had to bring about: the subject answered nothing behind it.
   * PING is under suspicion only where there is nothing else.
   */
  #suspect(): SentFrame | undefined {
    const { answers, prospects, sent } = this.#outlook;
    const expectOf = new Map(prospects.map((one) => [one.sent, one.expect]));
    const last = sent.filter((one) => this.#answeredBehind(one) === undefined);
    const open = last.filter((one) => !(answers.has(one) && expectOf.get(one) === 'answered'));
    const others = open.filter((one) => !isPlainPing(one));
    if (others.length === 0) return open[0];
    const unanswered = others.filter((one) => !answers.has(one));
    const suspects = others.length === 1 ? others : unanswered;
    return suspects.length === 1 ? suspects[0] : undefined;
  }

  /** How many earlier frames may still be the reason of what the subject does now. */
  #unhandledBefore(sent: SentFrame): number {
    const { answers, prospects } = this.#outlook;
    return prospects.filter(
      (other) =>
        other.sent !== sent &&
        other.sent.index <= sent.index &&
        !answers.has(other.sent) &&
        this.#answeredBehind(other.sent) === undefined,
    ).length;
  }

  /** An answer to what was sent behind a frame: the subject has come that far. */
  #answeredBehind(sent: SentFrame): FrameSeen | undefined {
    const { answers, disturbedFrom, sent: all } = this.#outlook;
    const place = all.indexOf(sent);
    for (const later of all.slice(place + 1)) {
      const answer = answers.get(later);
      if (answer !== undefined && answer.index < disturbedFrom) return answer;
    }
    return undefined;
  }

  #waited(fromMs: number): boolean {
    return this.#end.atMs - fromMs >= PATIENCE_MS;
  }
}

const isPlainPing = ({ type, flags, reserved, control }: SentFrame): boolean =>
  type === FRAMES.PING.type && flags === 0 && reserved === 0 && control.length === 0;

const held = (at: FrameSeen | number): Outcome => ({ kind: 'held', at });

const broken = (at: FrameSeen | number, sentence: string, field?: string): Outcome => ({
  kind: 'broken',
  at,
  sentence,
  ...(field === undefined ? {} : { field }),
});

const codeText = (answer: FrameSeen): string => (answer.isError ? (answer.code ?? 'an error without a code') : 'no error');

/** One prospect with what became of it. */
export interface Judged {
  readonly outlook: Outlook;
  readonly prospect: Prospect;
  readonly outcome: Outcome;
}

const cache = new WeakMap<View, readonly Judged[]>();

/** All prospects of a history. */
export function judgedOf(view: View): readonly Judged[] {
  const known = cache.get(view);
  if (known !== undefined) return known;
  const judged = outlooksOf(view).flatMap((outlook) => {
    const outcomes = new Outcomes(view, outlook);
    return outlook.prospects.map((prospect) => ({ outlook, prospect, outcome: outcomes.of(prospect) }));
  });
  cache.set(view, judged);
  return judged;
}

/** Says of some prospects what became of them. */
export function tell(judge: Judge, outcome: Outcome): void {
  if (outcome.kind === 'held') judge.pass(outcome.at);
  else if (outcome.kind === 'broken') judge.fail(outcome.at, outcome.sentence, outcome.field);
}

/** Servers under test: the kit is their client. */
export const SERVERS = ['nameserver', 'broker'] as const;

/** A clause for the prospects that one line of the decode order decides. */
export const lineOf = (id: string, roles: Clause['roles'] = SERVERS): Clause => ({
  id,
  roles,
  check(view, judge) {
    for (const { prospect, outcome } of judgedOf(view)) if (prospect.rule === id) tell(judge, outcome);
  },
});

/**
 * A clause for prospects of every line whose frame has something about it. That what ends a connection did not end it is the
 * affair of its line alone.
 */
export const traitOf = (id: string, has: (judged: Judged) => boolean, roles: Clause['roles'] = SERVERS): Clause => ({
  id,
  roles,
  check(view, judge) {
    for (const judged of judgedOf(view)) {
      const { prospect, outcome } = judged;
      if (has(judged) && (prospect.expect !== 'closes' || outcome.kind === 'held')) tell(judge, outcome);
    }
  },
});

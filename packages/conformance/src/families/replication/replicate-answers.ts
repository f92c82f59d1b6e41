import { LIMITS } from '@qanat/core';
import type { Exchange, FrameSeen } from '../../history/view.ts';
import { hexOf } from '../../json.ts';
import { entriesIn } from './log-entries.ts';
import type { MasterFacts } from './master-facts.ts';
import type { Sentences } from './sentences.ts';

const TERMS = 'QNT-RPL-002';
const FOREIGN = 'QNT-RPL-003';
const DIVERGED = 'QNT-RPL-004';
const WAITS = 'QNT-RPL-006';
const NEWER = 'QNT-RPL-007';
const ENTRIES = 'QNT-RPL-008';
const BEGINNING = 'QNT-RPL-009';
/** What has to be answered at once. */
const AT_ONCE_MS = 500;
/** Timers of a subject may be early by so much. */
const EARLY_MS = 20;

/** How a master answers REPLICATE. */
class Answers {
  readonly sentences: Sentences;
  readonly #facts: MasterFacts;

  constructor(facts: MasterFacts, sentences: Sentences) {
    this.#facts = facts;
    this.sentences = sentences;
    for (const exchange of facts.asked) {
      const faults = this.#faultsOf(exchange);
      if (faults.length > 0) this.#refused(exchange, faults);
      else if (exchange.answer !== undefined) this.#answered(exchange);
      if (faults.length === 0) this.#judgeTime(exchange);
    }
  }

  /** Codes for what a request says wrong, each with the clause that wants it. */
  #faultsOf({ header, connection, request }: Exchange): readonly (readonly [id: string, code: string])[] {
    const { helloOk } = connection;
    const term = this.#facts.termAt(request.index);
    const faults: (readonly [string, string])[] = [];
    if (header.broker !== helloOk.name || hexOf(header.storeId) !== hexOf(helloOk.storeId))
      faults.push([FOREIGN, 'WRONG_BROKER']);
    if (header.replica === this.#facts.replica) faults.push([FOREIGN, 'INVALID_ARGUMENT']);
    if (header.waitMs > LIMITS.REPLICATE_WAIT_MS_MAX) faults.push([FOREIGN, 'INVALID_ARGUMENT']);
    if (term > 0 && header.term < term) faults.push([TERMS, 'TERM_FENCED']);
    if (term > 0 && header.term > term) faults.push([TERMS, 'NOT_MASTER']);
    return faults;
  }

  #refused({ response, code, request }: Exchange, faults: readonly (readonly [id: string, code: string])[]): void {
    const [id, wanted] = faults[0] as readonly [string, string];
    const isMaster = this.#facts.termAt(request.index) > 0 && !hasCeased(this.#facts, request.index);
    // Who may not ask at all is told so first.
    if (response === undefined || !isMaster || code === 'FORBIDDEN') return;
    const says = (): string => `REPLICATE has to be refused with ${wanted}, and was answered ${code ?? 'without an error'}`;
    this.sentences.that(
      id,
      response,
      faults.some((fault) => fault[1] === code),
      says,
      'code',
    );
  }

  #answered(exchange: Exchange): void {
    const { header, answer, payload, response } = exchange;
    if (header.position < answer.oldest) return this.#judgeBeginning(exchange, response as FrameSeen);
    const known = this.#facts.chainAt(header.position);
    if (known !== undefined) this.#judgeDivergence(exchange, known !== header.chain);
    else if (header.position > answer.logEnd) this.#judgeDivergence(exchange, true);
    if (payload.length > 0 && !answer.diverged) this.#judgeEntries(exchange, response as FrameSeen);
  }

  /** What lies before the beginning of its log a master knows nothing of. */
  #judgeBeginning({ header, answer, payload }: Exchange, response: FrameSeen): void {
    const says = (): string =>
      `its oldest entry is at ${answer.oldest}: of ${header.position} it says diverged: ${answer.diverged}, with ${payload.length} bytes of entries`;
    this.sentences.that(BEGINNING, response, !answer.diverged && payload.length === 0, says, 'diverged');
  }

  #judgeDivergence({ header, answer, payload, response }: Exchange, diverged: boolean): void {
    const holds = answer.diverged === diverged && !(diverged && payload.length > 0);
    const says = (): string =>
      `the chain ${header.chain} is ${diverged ? 'not ' : ''}that of the entry before ${header.position}; the answer says diverged: ${answer.diverged}, with ${payload.length} bytes of entries`;
    this.sentences.that(DIVERGED, response as FrameSeen, holds, says, 'diverged');
  }

  #judgeEntries({ header, payload }: Exchange, response: FrameSeen): void {
    const entries = entriesIn(payload);
    if (entries === undefined) return this.sentences.fail(ENTRIES, response, 'the payload has to be whole entries', 'payload');
    let { position, chain } = header;
    for (const entry of entries) {
      if (entry.position !== position)
        return this.sentences.fail(
          ENTRIES,
          response,
          `an entry of position ${position} has to follow, and one of ${entry.position} does`,
        );
      if (entry.previousChain !== chain)
        return this.sentences.fail(
          ENTRIES,
          response,
          `the entry at ${position} has to follow the chain ${chain}, not ${entry.previousChain}`,
        );
      position = entry.end;
      chain = entry.chain;
    }
    const bytesMax = Math.min(header.maxBytes || LIMITS.REPLICATE_BYTES_MAX, LIMITS.REPLICATE_BYTES_MAX);
    const says = (): string => `${entries.length} entries have ${payload.length} bytes, of ${bytesMax} that they may have`;
    return this.sentences.that(ENTRIES, response, entries.length === 1 || payload.length <= bytesMax, says);
  }

  // ---- time ----

  #judgeTime(exchange: Exchange): void {
    const { view } = this.#facts;
    const { request, connection, code, header, response } = exchange;
    if (code !== undefined || view.of('subject').some(({ index }) => index > request.index)) return;
    const newer = this.#newerThan(exchange);
    const waits = header.probe || exchange.answer?.diverged === true ? AT_ONCE_MS : header.waitMs;
    const dueMs = request.atMs + waits + AT_ONCE_MS + view.slackMs;
    if (newer !== undefined && newer.request.atMs < dueMs) return this.#judgeNewer(exchange, newer);
    const ended = connection.closed?.atMs ?? view.endMs;
    if (response === undefined) {
      const says = `REPLICATE has to be answered after ${waits} ms, and was not`;
      if (ended > dueMs) this.sentences.fail(WAITS, request, says);
      return;
    }
    const late = (): string => `REPLICATE has to be answered after ${waits} ms at most, and was after ${tookMs(exchange)} ms`;
    if (response.atMs > dueMs) return this.sentences.fail(WAITS, response, late());
    return this.#judgeEarly(exchange, response);
  }

  /** Without anything to say it waits; where entries are there it does not. */
  #judgeEarly(exchange: Exchange, response: FrameSeen): void {
    const { header, answer, payload, request } = exchange;
    if (header.probe || answer.diverged || header.position < answer.oldest) return this.sentences.pass(WAITS, response);
    const before = this.#answerBefore(exchange);
    if (before === undefined) return;
    const isOnItsWay = before.header.position === header.position && before.payload.length > 0 && header.waitMs > 0;
    const isThere = before.answer.logEnd > header.position && !isOnItsWay;
    if (isThere) {
      const says = (): string =>
        `entries up to ${before.answer.logEnd} were there at once; after ${tookMs(exchange)} ms ${payload.length} bytes came`;
      const soon = response.atMs <= request.atMs + AT_ONCE_MS + this.#facts.view.slackMs;
      return this.sentences.that(WAITS, response, soon && payload.length > 0, says);
    }
    if (payload.length > 0 || answer.committed > before.answer.committed) return this.sentences.pass(WAITS, response);
    const says = (): string =>
      `with nothing to say it has to wait for ${header.waitMs} ms, and answered after ${tookMs(exchange)} ms`;
    return this.sentences.that(WAITS, response, tookMs(exchange) >= header.waitMs - EARLY_MS, says);
  }

  /** The answer that the slave had last on the same connection. */
  #answerBefore({ connection, header, request }: Exchange): Exchange | undefined {
    return this.#facts.asked.findLast(
      (one) =>
        one.connection === connection &&
        one.header.replica === header.replica &&
        one.answer?.diverged === false &&
        !one.header.probe &&
        (one.response?.index ?? 0) < request.index,
    );
  }

  #newerThan({ header, request, response }: Exchange): Exchange | undefined {
    if (header.probe) return undefined;
    const end = response?.index ?? Number.POSITIVE_INFINITY;
    return this.#facts.asked.find(
      (one) =>
        one.header.replica === header.replica &&
        one.request.index > request.index &&
        one.request.index < end &&
        !one.header.probe &&
        one.answer?.diverged === false,
    );
  }

  #judgeNewer(exchange: Exchange, { request }: Exchange): void {
    const { view } = this.#facts;
    const { response, payload, connection } = exchange;
    const dueMs = request.atMs + AT_ONCE_MS + view.slackMs;
    if (payload.length > 0 || (response === undefined && (connection.closed?.atMs ?? view.endMs) <= dueMs)) return;
    const says = (): string => 'a newer REPLICATE of the replica has to end the one that waits, and has not';
    this.sentences.that(NEWER, response ?? request, response !== undefined && response.atMs <= dueMs, says);
  }
}

const tookMs = ({ request, response }: Exchange): number => Math.round((response?.atMs ?? 0) - request.atMs);

/** Somebody told the subject a higher term, or a NameServer refused its record. */
export function hasCeased(facts: MasterFacts, index: number): boolean {
  const told = facts.asked.some(
    ({ header, request }) =>
      request.index < index && facts.termAt(request.index) > 0 && header.term > facts.termAt(request.index),
  );
  return told || facts.puts.some(({ code, answered }) => code === 'TERM_FENCED' && answered < index);
}

/** @param sentences take what is found. */
export const judgeAnswers = (facts: MasterFacts, sentences: Sentences): void => void new Answers(facts, sentences);

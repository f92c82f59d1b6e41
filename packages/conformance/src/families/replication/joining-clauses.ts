import type { Clause } from '../../clause/clause.ts';
import type { Exchange, FrameSeen, Header, View } from '../../history/view.ts';
import { clausesBy, Sentences } from './sentences.ts';

const ANEW = 'QNT-RPL-065';
const SERVES = 'QNT-RPL-066';
const STANDS = 'QNT-RPL-067';
const GOES_ON = 'QNT-RPL-068';
/** A start, and a snapshot that is read once more. */
const AGAIN_MS = 5_000;

/** The answers that a slave had of a snapshot. */
interface SnapshotRead {
  readonly answer: Header;
  readonly isWhole: boolean;
}

/** A subject as a slave whose log ends below the oldest entry of its master. */
class Joining {
  readonly sentences = new Sentences();
  readonly #view: View;

  constructor(view: View) {
    this.#view = view;
    const asked = view.requests('REPLICATE', 'subject').filter(({ header }) => header !== undefined && !header.probe);
    const late = asked.find(({ answer, header }) => answer?.term === header.term && answer.oldest > header.position);
    const after = late?.response?.index;
    if (late === undefined || after === undefined) return;
    const again = asked.filter(({ request, header }) => request.index > after && header.position > late.header.position);
    if (again[0] !== undefined) this.#judge(again[0], again, this.#readBetween(after, again[0].request.index));
  }

  #judge(first: Exchange, again: readonly Exchange[], read: SnapshotRead | undefined): void {
    const { position, chain } = first.header;
    const { oldest, chain: before, snapshot } = read?.answer ?? {};
    const isAnew = read?.isWhole === true && position === oldest && chain === before && snapshot >= position;
    const says = (): string =>
      read === undefined
        ? `its log goes on at ${position}, and it has read no snapshot`
        : `of the snapshot ${snapshot} it has ${read.isWhole ? 'everything' : 'not everything'}; the master begins at ${oldest} behind ${before}, and its log at ${position} behind ${chain}`;
    this.sentences.that(ANEW, first.request, isAnew, says, 'position');
    if (read === undefined) return;
    const come = again.find(({ header }) => header.position >= snapshot)?.request.index ?? this.#view.events.length;
    for (const { request, header } of again) {
      if (header.position >= snapshot) continue;
      const claims = (): string =>
        `its log ends at ${header.position}, before the snapshot ${snapshot}: it has stored nothing yet`;
      this.sentences.that(STANDS, request, header.stored === 0, claims, 'stored');
    }
    this.#judgeRefusals(first.request.index, come, snapshot);
    this.#judgeEnds(first.request.index, come, snapshot);
  }

  /** What comes before its log has come to the snapshot. */
  #judgeRefusals(from: number, to: number, snapshot: number): void {
    for (const { name, request, response, code } of this.#view.exchanges) {
      if (request.from !== 'kit' || response === undefined || request.index < from || response.index > to) continue;
      if (name !== 'PULL' && name !== 'PROMOTE') continue;
      const says = (): string =>
        `its log has not come to the snapshot ${snapshot}: ${name} has to be answered NOT_READY, and was ${code ?? 'without an error'}`;
      this.sentences.that(name === 'PULL' ? SERVES : STANDS, response, code === 'NOT_READY', says, 'code');
    }
  }

  /** It was killed on its way there. */
  #judgeEnds(from: number, to: number, snapshot: number): void {
    const end = this.#view.of('subject').find(({ index, what }) => what === 'killed' && index > from && index < to);
    if (end === undefined) return;
    const hasCome = to < this.#view.events.length;
    const says = (): string => `it was killed before its log came to the snapshot ${snapshot}, and does not come to it any more`;
    if (hasCome || this.#view.endMs > end.atMs + AGAIN_MS + this.#view.slackMs)
      this.sentences.that(GOES_ON, hasCome ? to : end.index, hasCome, says);
  }

  /** The snapshot that it has read last. */
  #readBetween(from: number, to: number): SnapshotRead | undefined {
    const pieces = this.#view
      .requests('SNAPSHOT_READ', 'subject')
      .filter(({ answer, response }) => answer !== undefined && isBetween(response, from, to));
    const last = pieces.at(-1)?.answer;
    if (last === undefined) return undefined;
    const bytes = new Set<number>();
    for (const { header, answer, payload } of pieces)
      if (answer.snapshot === last.snapshot) for (let i = 0; i < payload.length; i++) bytes.add(header.offset + i);
    return { answer: last, isWhole: bytes.size === last.size };
  }
}

const isBetween = (frame: FrameSeen | undefined, from: number, to: number): boolean =>
  frame !== undefined && frame.index > from && frame.index < to;

/** A slave that begins anew, from a snapshot of the kit's master. */
export const JOINING_CLAUSES: readonly Clause[] = clausesBy(
  (view) => new Joining(view).sentences,
  [ANEW, SERVES, STANDS, GOES_ON],
  {
    roles: ['broker'],
    needs: ['replication', 'register', 'stop', 'kill'],
  },
);

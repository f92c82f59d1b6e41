import { Feature, Flag, FRAME_NAMES, FRAMES, LIMITS, type LiveFrame, Pull, ServerRole } from '@qanat/core';
import { asks, entryOf, isOfSecurity } from '../../history/entry.ts';
import type { EventOf, HistoryEvent } from '../../history/event.ts';
import { isPlain } from '../../history/message-event.ts';
import type { ConnectionSeen, FrameSeen, View } from '../../history/view.ts';
import { type BrokenRule, verdictOnRequest } from './control-header.ts';
import { type Fault, type SentFrame, SentStream } from './sent-frames.ts';

/** What has to become of one frame of the kit, by the decode order of the chapter of framing. */
export interface Prospect {
  readonly sent: SentFrame;
  readonly name: LiveFrame | undefined;
  /** The requirement that decides. */
  readonly rule: string;
  /** What makes it decide, for sentences: `with …`, `in which …`. */
  readonly because?: string;
  /**
   * `closes`: GOAWAY with one of `codes`, then the end. `refused`: an answer with one of `codes`. `answered`: one answer,
   * whatever it says; without ERROR where `good` is set. `ignored`: no answer, and the connection goes on.
   */
  readonly expect: 'closes' | 'refused' | 'answered' | 'ignored';
  readonly codes: readonly string[];
  readonly good?: true;
  /** `closes`, and the request is answered with the code before. */
  readonly answersFirst?: true;
  /** How long the answer may take beyond the usual, ms. */
  readonly waitMs: number;
}

/** One connection of the kit, as the subject has to see it. */
export interface Outlook {
  readonly connection: ConnectionSeen;
  readonly stream: SentStream;
  /** In the order in which the frames were sent; none behind one that closes, or behind one of which nothing is sure. */
  readonly prospects: readonly Prospect[];
  /** All frames that the kit sent, also those without a prospect. */
  readonly sent: readonly SentFrame[];
  /** What came from then on says nothing more: the place in the history of the first frame of which nothing is sure. */
  readonly blindFrom: number;
  /** Responses of the subject that answer nothing. */
  readonly strays: readonly FrameSeen[];
  /** Complete responses, by the frame that they answer. */
  readonly answers: ReadonlyMap<SentFrame, FrameSeen>;
  /**
   * Where the kit or the driver disturbed the subject, or the kit could not read on: what is missing from then on proves
   * nothing.
   */
  readonly disturbedFrom: number;
}

/** Requests that may end a PULL that waits. */
const WAKING: ReadonlySet<LiveFrame> = new Set(['SEND', 'PULL', 'TOPIC_REMOVE', 'TOPIC_ALTER', 'TOPIC_CREATE']);

/** How long a request may wait on purpose. */
const waitOf = (name: LiveFrame, control: Uint8Array): number => (name === 'PULL' ? Pull.decode(control).waitMs : 0);

/** Requests in flight that every server takes (QNT-COR-007). */
const IN_FLIGHT_LEAST = 32;

const FAULTS: Readonly<Record<Fault, { readonly rule: string; readonly code: string; readonly because: string }>> = {
  short: { rule: 'QNT-INV-007', code: 'MALFORMED_FRAME', because: 'with a length below 12' },
  'too long': { rule: 'QNT-FRM-002', code: 'FRAME_TOO_LARGE', because: 'with a length above the limit in force' },
  'control over the end': { rule: 'QNT-INV-008', code: 'MALFORMED_FRAME', because: 'with a control header beyond its end' },
  'control too long': {
    rule: 'QNT-FRM-004',
    code: 'MALFORMED_FRAME',
    because: `with a control header of more than ${LIMITS.CONTROL_HEADER_BYTES_MAX} bytes (CONTROL_HEADER_BYTES_MAX)`,
  },
};

const MALFORMED = { codes: ['MALFORMED_FRAME'], because: 'with a control header that is not well-formed' } as const;

/** @param why what the decoder says. */
const invalid = (why: string): Pick<Prospect, 'codes' | 'because'> => ({
  codes: ['INVALID_ARGUMENT'],
  because: `in which ${why}`,
});

const cache = new WeakMap<View, readonly Outlook[]>();

/** What has to become of all that the kit sent to a server under test. */
export function outlooksOf(view: View): readonly Outlook[] {
  const known = cache.get(view);
  if (known !== undefined) return known;
  const disturbedFrom = disturbance(view.events);
  const outlooks = view.connections
    .filter(({ openedBy, node }) => openedBy === 'kit' && node === 'subject')
    .map((connection) => new Foresight(connection, Math.min(disturbedFrom, connection.brokenIndex), view).look());
  cache.set(view, outlooks);
  return outlooks;
}

/** Whether the kit or the driver disturbed the subject at all. */
export const isDisturbed = ({ events }: View): boolean => disturbance(events) < events.length;

/** The first time that the subject is stopped, killed, held or told of other users, or that the kit stops reading. */
function disturbance(events: readonly HistoryEvent[]): number {
  const at = events.findIndex(
    (event) =>
      (event.kind === 'subject' && event.what !== 'started') ||
      (event.kind === 'step' && (event.op === 'reading' || event.op === 'users')),
  );
  return at < 0 ? events.length : at;
}

interface Open {
  readonly sent: SentFrame;
  readonly name: LiveFrame | undefined;
}

/** Walks along one connection in the order of its events, and knows of each frame what a server has to do with it. */
class Foresight {
  readonly #view: View;
  readonly #connection: ConnectionSeen;
  readonly #stream: SentStream;
  readonly #disturbedFrom: number;
  readonly #prospects: Prospect[] = [];
  readonly #sent: SentFrame[] = [];
  readonly #strays: FrameSeen[] = [];
  readonly #answers = new Map<SentFrame, FrameSeen>();
  /** Requests that wait for their answer, by number. */
  readonly #open = new Map<number, Open>();
  /** Requests of the subject that the kit has not answered. */
  readonly #asked = new Set<number>();
  #state: 'greeting' | 'asked' | 'open' | 'closing' | 'blind' = 'greeting';
  /** AUTH_OK has said who is there. */
  #entered = false;
  #blindFrom = Number.POSITIVE_INFINITY;
  /** A request of which frames are still to come. */
  #joined: { readonly correlation: number; readonly name: LiveFrame; frames: number } | undefined;
  /** The number of a joined request that was refused: its other frames are dropped. */
  #refused: number | undefined;

  constructor(connection: ConnectionSeen, disturbedFrom: number, view: View) {
    this.#view = view;
    this.#connection = connection;
    this.#stream = new SentStream(connection.binding);
    this.#disturbedFrom = disturbedFrom;
  }

  look(): Outlook {
    const { events, frames } = this.#view;
    const byIndex = new Map(frames.map((frame) => [frame.index, frame]));
    const { number } = this.#connection;
    events.forEach((event, index) => {
      // What becomes of a connection behind such a message is the affair of the family of WebSocket.
      if (event.kind === 'message' && event.connection === number && event.from === 'kit' && !isPlain(event)) this.#blind(index);
      if ((event.kind !== 'frame' && event.kind !== 'bytes') || event.connection !== number) return;
      if (event.from === 'kit') this.#say(event, index);
      else if (event.kind === 'frame') this.#hear(byIndex.get(index));
    });
    return {
      connection: this.#connection,
      stream: this.#stream,
      prospects: this.#prospects,
      sent: this.#sent,
      blindFrom: this.#blindFrom,
      strays: this.#strays,
      answers: this.#answers,
      disturbedFrom: this.#disturbedFrom,
    };
  }

  // ---- what the subject says ----

  #hear(frame: FrameSeen | undefined): void {
    if (frame === undefined) return;
    if (frame.isResponse) return this.#answer(frame);
    if (frame.name === 'GOAWAY') this.#blind(frame.index);
    else if (!frame.isOneWay) this.#asked.add(frame.correlation);
  }

  #answer(frame: FrameSeen): void {
    const open = this.#open.get(frame.correlation);
    if (open === undefined || open.sent.type !== frame.type) {
      if (this.#state !== 'closing' && frame.index < this.#blindFrom) this.#strays.push(frame);
      return;
    }
    if (frame.more) return;
    this.#open.delete(frame.correlation);
    this.#answers.set(open.sent, frame);
    this.#entered ||= entryOf(this.#connection)?.index === frame.index;
    if (this.#state === 'asked' && open.name === 'HELLO') this.#state = frame.isError ? 'closing' : 'open';
  }

  // ---- what the kit says ----

  #say(event: EventOf<'frame'> | EventOf<'bytes'>, index: number): void {
    for (const sent of this.#stream.push(event, index, () => this.#limit())) {
      this.#sent.push(sent);
      if (!this.#saidPreface()) this.#blind(index);
      if (this.#state !== 'closing' && this.#state !== 'blind') this.#take(sent);
      else if (!sent.isResponse && !sent.isOneWay && sent.fault === undefined && !this.#open.has(sent.correlation))
        this.#open.set(sent.correlation, { sent, name: FRAME_NAMES.get(sent.type) });
    }
  }

  #saidPreface(): boolean {
    if (this.#connection.binding !== 'tcp') return true;
    const [a, b, c, d, major] = this.#stream.preface;
    return a === 0xab && b === 0x51 && c === 0x4e && d === 0x54 && major === 1;
  }

  /** The longest frame that the subject takes now; undefined while HELLO is on its way. */
  #limit(): number | undefined {
    if (this.#state === 'greeting' || (this.#state === 'open' && !this.#isKnown())) return LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;
    return this.#state === 'open' ? this.#connection.helloOk?.frameBytesMax : undefined;
  }

  #blind(index: number): void {
    if (this.#state !== 'closing') this.#state = 'blind';
    this.#blindFrom = Math.min(this.#blindFrom, index);
  }

  #expect(sent: SentFrame, rule: string, expect: Prospect['expect'], more: Partial<Prospect> = {}): void {
    const name = FRAME_NAMES.get(sent.type);
    this.#prospects.push({ sent, name, rule, expect, codes: [], waitMs: 0, ...more });
    if (expect === 'closes') this.#state = 'closing';
    // An answer to it is one that was asked for, also where the connection ends.
    const asks = expect !== 'ignored' && !sent.isOneWay && sent.fault === undefined;
    if (asks && !this.#open.has(sent.correlation)) this.#open.set(sent.correlation, { sent, name });
  }

  /** The decode order of the chapter of framing, line by line. */
  #take(sent: SentFrame): void {
    if (sent.fault !== undefined) {
      const { rule, code, because } = FAULTS[sent.fault];
      return this.#expect(sent, rule, 'closes', { codes: [code], because });
    }
    if (sent.isResponse) return this.#takeResponse(sent);
    if (!sent.isOneWay && sent.correlation % 2 === 0)
      return this.#expect(sent, 'QNT-FRM-019', 'closes', {
        codes: ['MALFORMED_FRAME'],
        because: `with the even correlation number ${sent.correlation}`,
      });
    if (!sent.isOneWay && sent.correlation === this.#refused) return this.#takeRestOfRefused(sent);
    if (!sent.isOneWay && this.#open.has(sent.correlation)) return this.#takeUsedNumber(sent);
    if (this.#state === 'greeting') return this.#takeFirst(sent);
    // Behind a HELLO that is not answered: a server may not have come so far.
    if (this.#state === 'asked') return this.#blind(sent.index);
    const name = FRAME_NAMES.get(sent.type);
    if (name === 'AUTH' && asks(this.#connection)) return this.#takeAuth(sent, name);
    // Who is not known yet is told so, whatever he says: that is the family of authentication's.
    if (!this.#isKnown()) return this.#blind(sent.index);
    if (name === undefined || name === 'AUTH') return this.#takeUnknown(sent);
    if (name === 'HELLO') {
      if (sent.isOneWay) return this.#blind(sent.index);
      return this.#expect(sent, 'QNT-FRM-025', 'closes', { codes: ['UNEXPECTED_FRAME'] });
    }
    if (name === 'GOAWAY') return this.#takeGoAway(sent);
    if (name === 'PING') return this.#takePing(sent);
    return this.#isServed(name) ? this.#takeServed(sent, name) : this.#takeForeign(sent, name);
  }

  /** Nobody is asked, or AUTH_OK has said who is there. */
  #isKnown(): boolean {
    return !asks(this.#connection) || this.#entered;
  }

  /** How it is answered is the family of authentication's. */
  #takeAuth(sent: SentFrame, name: LiveFrame): void {
    if (this.#entered || sent.isOneWay || sent.more) return this.#blind(sent.index);
    this.#open.set(sent.correlation, { sent, name });
  }

  /** Before HELLO the rule of the first frame says otherwise than the table: nothing is sure. */
  #takeResponse(sent: SentFrame): void {
    if (this.#state !== 'open') return this.#blind(sent.index);
    if (!this.#asked.has(sent.correlation)) this.#expect(sent, 'QNT-FRM-018', 'ignored');
  }

  /** A number is surely in flight where a PULL waits under it: anything else may have been answered by now. */
  #takeUsedNumber(sent: SentFrame): void {
    const open = this.#open.get(sent.correlation) as Open;
    if (!this.#surelyWaits(open, sent)) return this.#blind(sent.index);
    this.#expect(sent, 'QNT-FRM-020', 'closes', { codes: ['UNEXPECTED_FRAME'] });
  }

  /** A PULL without a group that was not answered at once, that is not over, and that nothing of this history can have woken. */
  #surelyWaits({ sent: pull, name }: Open, sent: SentFrame): boolean {
    if (name !== 'PULL' || this.#state !== 'open' || verdictOnRequest('PULL', pull.control).kind !== 'fine') return false;
    const { group, waitMs } = Pull.decode(pull.control);
    const agoMs = sent.atMs - pull.atMs;
    const { slackMs } = this.#view;
    if (group !== '' || agoMs < 2 * slackMs || agoMs + slackMs > waitMs) return false;
    return !this.#view.exchanges.some(
      ({ name: other, request }) =>
        other !== undefined && WAKING.has(other) && request.index > pull.index && request.index !== sent.index,
    );
  }

  #takeFirst(sent: SentFrame): void {
    const name = FRAME_NAMES.get(sent.type);
    if (name !== 'HELLO') {
      const codes = ['HELLO_EXPECTED'];
      return this.#expect(sent, 'QNT-FRM-021', 'closes', sent.isOneWay ? { codes } : { codes, answersFirst: true });
    }
    if (sent.isOneWay || sent.more) return this.#blind(sent.index);
    const verdict = verdictOnRequest(name, sent.control);
    if (verdict.kind === 'doubtful') return this.#blind(sent.index);
    if (verdict.kind === 'malformed') return this.#expect(sent, 'QNT-TYP-007', 'closes', MALFORMED);
    if (verdict.kind === 'breaks')
      return this.#expect(sent, verdict.rule, 'closes', { ...invalid(verdict.why), answersFirst: true });
    this.#state = 'asked';
    this.#expect(sent, 'QNT-FRM-007', 'answered');
  }

  #takeRestOfRefused(sent: SentFrame): void {
    this.#expect(sent, 'QNT-FRM-017', 'ignored');
    if (!sent.more) this.#refused = undefined;
  }

  #takeUnknown(sent: SentFrame): void {
    // Between joined frames two rules speak: this one, and that of frames in between.
    if (this.#joined !== undefined || (sent.more && !sent.isOneWay)) return this.#blind(sent.index);
    const codes = ['UNSUPPORTED_FRAME'];
    if (!sent.isOneWay) return this.#expect(sent, 'QNT-FRM-022', 'refused', { codes });
    if ((sent.flags & Flag.IGNORABLE) !== 0) return this.#expect(sent, 'QNT-FRM-023', 'ignored');
    this.#expect(sent, 'QNT-FRM-024', 'closes', { codes });
  }

  #takeGoAway(sent: SentFrame): void {
    const fine = sent.isOneWay && !sent.more && verdictOnRequest('GOAWAY', sent.control).kind === 'fine';
    if (fine) this.#expect(sent, 'QNT-CON-023', 'ignored');
    else this.#blind(sent.index);
  }

  #takePing(sent: SentFrame): void {
    if (sent.isOneWay && !sent.more) return this.#expect(sent, 'QNT-FRM-008', 'ignored');
    if (sent.more || verdictOnRequest('PING', sent.control).kind !== 'fine') return this.#blind(sent.index);
    this.#expect(sent, 'QNT-FRM-026', 'answered', { good: true });
  }

  #isServed(name: LiveFrame): boolean {
    const role = this.#connection.helloOk?.role === ServerRole.BROKER ? 'broker' : 'nameserver';
    return FRAMES[name].at === role;
  }

  #takeForeign(sent: SentFrame, name: LiveFrame): void {
    if (this.#joined !== undefined) return this.#blind(sent.index);
    if (sent.isOneWay) return this.#expect(sent, 'QNT-FRM-028', 'ignored');
    if (sent.more && FRAMES[name].more !== 'request') return this.#blind(sent.index);
    if (sent.more) this.#refused = sent.correlation;
    this.#expect(sent, 'QNT-FRM-027', 'refused', { codes: ['WRONG_BROKER'] });
  }

  /** The rest of a request is dropped where its first frame is refused. */
  #isForbidden({ index }: SentFrame): boolean {
    const connection = this.#connection;
    return connection.exchanges.some(({ request, code }) => request.index === index && isOfSecurity(connection, code));
  }

  #takeServed(sent: SentFrame, name: LiveFrame): void {
    if (this.#open.size >= IN_FLIGHT_LEAST || (sent.more && this.#isForbidden(sent))) return this.#blind(sent.index);
    const joined = this.#joined;
    if (joined !== undefined && joined.correlation !== sent.correlation && !sent.isOneWay)
      return this.#expect(sent, 'QNT-FRM-015', 'closes', { codes: ['UNEXPECTED_FRAME'] });
    if (joined !== undefined && (sent.isOneWay || joined.name !== name)) return this.#blind(sent.index);
    const verdict = verdictOnRequest(name, sent.control);
    if (verdict.kind === 'doubtful') return this.#blind(sent.index);
    if (verdict.kind === 'malformed') return this.#expect(sent, 'QNT-TYP-007', 'closes', MALFORMED);
    if (sent.more && FRAMES[name].more !== 'request')
      return this.#expect(sent, 'QNT-FRM-014', 'closes', { codes: ['MALFORMED_FRAME'] });
    if (sent.more && sent.isOneWay) return this.#blind(sent.index);
    if ((joined?.frames ?? 0) >= LIMITS.MORE_FRAMES_MAX)
      return this.#expect(sent, 'QNT-FRM-013', 'closes', { codes: ['MALFORMED_FRAME'] });
    if (!sent.isOneWay && !sent.more && this.#lacksFeature(name)) return this.#takeRefused(sent);
    if (verdict.kind === 'breaks') return this.#takeBreaking(sent, verdict);
    if (sent.isOneWay) return this.#expect(sent, 'QNT-FRM-008', 'ignored');
    if (sent.more) {
      this.#joined = { correlation: sent.correlation, name, frames: (joined?.frames ?? 0) + 1 };
      return;
    }
    this.#joined = undefined;
    this.#expect(sent, 'QNT-FRM-007', 'answered', { waitMs: waitOf(name, sent.control) });
  }

  /** The frame belongs to a feature that is not active: it is refused before anybody looks at its fields (QNT-CON-007). */
  #lacksFeature(name: LiveFrame): boolean {
    const { feature } = FRAMES[name];
    return feature !== '' && this.#connection.helloOk?.features.includes(Feature[feature as keyof typeof Feature]) !== true;
  }

  #takeRefused(sent: SentFrame): void {
    this.#joined = undefined;
    this.#expect(sent, 'QNT-FRM-007', 'answered');
  }

  #takeBreaking(sent: SentFrame, { rule, why }: BrokenRule): void {
    if (sent.isOneWay) return this.#expect(sent, 'QNT-FRM-008', 'ignored');
    this.#joined = undefined;
    if (sent.more) this.#refused = sent.correlation;
    this.#expect(sent, rule, 'refused', invalid(why));
  }
}

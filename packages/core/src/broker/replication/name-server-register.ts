import type { ClientSession } from '../../connection/client-session.ts';
import type { EngineHost } from '../../context.ts';
import { QanatError } from '../../errors.ts';
import { REPLICATION_REQUESTS as CODECS, type GroupRecord, type GroupRecordInit } from '../../wire/gen/replication-messages.ts';
import type { GroupRegister, RecordFound } from './group-register.ts';

/** A NameServer that does not answer within this time cannot be reached. */
const ANSWER_MS = 3_000;
/** What a NameServer without records, or of an earlier version, answers: it has none. */
const KEEPS_NONE: ReadonlySet<string> = new Set(['UNSUPPORTED_FEATURE', 'UNSUPPORTED_FRAME']);
const HINT_OF_SOME = 'start every NameServer with --data DIR: what one without it had on record before, nobody asks for';

/** A link to a NameServer, as far as its records are concerned. */
export interface RecordLink {
  readonly address: string;
  /** Undefined while there is no connection. */
  readonly session: ClientSession | undefined;
}

/** How one NameServer answered. */
interface Answer {
  readonly address: string;
  readonly error?: QanatError | undefined;
  readonly record?: GroupRecord | undefined;
}

/**
 * The register of manual mode: the records of a broker group at all of its NameServers (spec, chapter of broker registration). It
 * is no agreement among them: a record counts when one has it and none that can be reached has a higher one.
 */
export class NameServerRegister implements GroupRegister {
  readonly #host: EngineHost;
  readonly #broker: string;
  readonly #links: readonly RecordLink[];
  /** Those without records beside others with, as they were told of last. */
  #forgetful = '';

  /** @param broker name of the group. */
  constructor(host: EngineHost, broker: string, links: readonly RecordLink[]) {
    this.#host = host;
    this.#broker = broker;
    this.#links = links;
  }

  /**
   * Has the record at every NameServer that can be reached. `done` comes once, never before this returns: with undefined when one
   * has it durably and none refused; with TERM_FENCED when one has a higher record; with UNSUPPORTED_FEATURE when all that
   * answered keep none; with any other error when nobody knows. But for TERM_FENCED the same record is then to be put again.
   */
  put(record: GroupRecordInit, done: (error: QanatError | undefined) => void, everywhere = false): void {
    const header = { broker: this.#broker, record };
    const options = { timeoutMs: ANSWER_MS, codec: CODECS.RECORD_PUT };
    this.#askAll(
      (session, answered) => session.request('RECORD_PUT', header, options, (error) => answered({ error })),
      (answers) => done(verdict(answers, everywhere ? this.#links.length : 0)),
    );
  }

  /** Asks all NameServers of the configuration for their records. `done` comes once, never before this returns. */
  get(done: (found: RecordFound) => void): void {
    const options = { timeoutMs: ANSWER_MS, codec: CODECS.RECORD_GET };
    this.#askAll(
      (session, answered) =>
        session.request('RECORD_GET', { broker: this.#broker }, options, (error, { header }) =>
          answered(error === undefined ? { record: header.record } : { error }),
        ),
      (answers) => done(found(answers, this.#links)),
    );
  }

  #askAll(
    ask: (session: ClientSession, answered: (answer: Omit<Answer, 'address'>) => void) => void,
    done: (answers: readonly Answer[]) => void,
  ): void {
    const open = this.#links.flatMap(({ address, session }) => (session === undefined ? [] : [{ address, session }]));
    const answers: Answer[] = [];
    if (open.length === 0) this.#host.timers.at(this.#host.nowMs(), () => done(answers));
    for (const { address, session } of open) {
      ask(session, (answer) => {
        answers.push({ address, ...answer });
        if (answers.length < open.length) return;
        this.#tellForgetful(answers);
        done(answers);
      });
    }
  }

  /** One that was started without a directory may have kept records before: its silence about them is no answer. */
  #tellForgetful(answers: readonly Answer[]): void {
    const [none, others] = [answers.filter(keepsNone), answers.filter((answer) => !keepsNone(answer))];
    const forgetful = others.length === 0 ? '' : none.map(({ address }) => address).join(', ');
    if (forgetful !== '' && forgetful !== this.#forgetful)
      this.#host.log('warn', 'replication.records-not-kept', { by: forgetful, hint: HINT_OF_SOME });
    this.#forgetful = forgetful;
  }
}

const keepsNone = ({ error }: Answer): boolean => error !== undefined && KEEPS_NONE.has(error.code);

/** @param wanted so many have to have it, or to keep no records; one at least has to have it. */
function verdict(answers: readonly Answer[], wanted: number): QanatError | undefined {
  const fenced = answers.find(({ error }) => error?.code === 'TERM_FENCED');
  if (fenced !== undefined) return fenced.error;
  const keepers = answers.filter((answer) => !keepsNone(answer));
  if (answers.length > 0 && keepers.length === 0) return new QanatError('UNSUPPORTED_FEATURE', 'no NameServer keeps records');
  const confirmed = keepers.filter(({ error }) => error === undefined).length;
  if (confirmed > 0 && confirmed + answers.length - keepers.length >= wanted) return undefined;
  const failed = keepers.find(({ error }) => error !== undefined);
  return failed?.error ?? new QanatError('CONNECTION_FAILED', 'no NameServer can be reached for the record');
}

function found(answers: readonly Answer[], links: readonly RecordLink[]): RecordFound {
  const newest = new Map<number, GroupRecord>();
  const silent = new Set(links.map(({ address }) => address));
  for (const answer of answers) {
    const { address, error, record } = answer;
    if (error === undefined || keepsNone(answer)) silent.delete(address);
    if (record !== undefined && record.version > (newest.get(record.term)?.version ?? -1)) newest.set(record.term, record);
  }
  const [record, ...others] = [...newest.values()].sort((a, b) => b.term - a.term);
  return {
    record,
    others,
    complete: silent.size === 0,
    silent: [...silent],
    unkept: answers.length > 0 && answers.every(keepsNone),
  };
}

import { errorClass, QanatError } from '../../errors.ts';
import type { OutBatch } from './out-batch.ts';
import type { QueueLane } from './queue-lane.ts';

/**
 * What the failure of one attempt means (spec, chapter of sending): nothing left this process; nobody knows; the sequence has a
 * gap; the producer id is gone, or somebody else's; refused, and another broker may take it; refused for now; refused for good.
 */
export type SendVerdict = 'not-sent' | 'unknown' | 'gap' | 'forgotten' | 'fenced' | 'elsewhere' | 'later' | 'final';

const WRONG_BROKER_CLASS = 2;
const LATER_CLASSES: ReadonlySet<number> = new Set([3, 5]);

export function verdictOf(error: QanatError): SendVerdict {
  if (error.outcome === 'not-sent') return 'not-sent';
  if (error.outcome === 'unknown') return 'unknown';
  switch (error.code) {
    case 'SEQUENCE_GAP':
      return 'gap';
    // Numbers that another batch has used: only a new producer id ends that.
    case 'SEQUENCE_CONFLICT':
    case 'UNKNOWN_PRODUCER':
      return 'forgotten';
    case 'PRODUCER_FENCED':
      return 'fenced';
    default: {
      const number = errorClass(error.wireNumber);
      if (number === WRONG_BROKER_CLASS) return 'elsewhere';
      return LATER_CLASSES.has(number) ? 'later' : 'final';
    }
  }
}

/** The deadline of a call whose batch was sent. */
export function expiredAfterSending({ topic, broker, queue }: QueueLane, batch: OutBatch): QanatError {
  const where = `queue ${queue} of topic "${topic}" at broker ${broker}`;
  const last = batch.lastError;
  if (batch.inFlight || batch.mayBeStored || last === undefined) {
    return new QanatError('TIMEOUT', `${where}: no answer in time; the message may be stored`, {
      outcome: 'unknown',
      cause: last,
    });
  }
  const outcome = last.outcome === 'not-sent' ? 'not-sent' : 'rejected';
  return new QanatError(last.code, `${where}: refused until the time was up: ${last.message}`, { outcome, cause: last });
}

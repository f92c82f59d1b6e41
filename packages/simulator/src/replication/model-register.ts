import { type GroupRecord, type GroupRegister, QanatError } from '@qanat/core';
import type { ModelNetwork } from './model-network.ts';

/** Its place in the network: behind all replicas. */
export const REGISTER = 99;
/** When a put without an answer has an unknown outcome. */
const ANSWER_MS = 3_000;

/** The register of one group, which takes what a NameServer takes (QNT-REG-032). */
export class ModelRegister {
  record: GroupRecord;
  readonly #network: ModelNetwork;

  constructor(network: ModelNetwork, record: GroupRecord) {
    this.#network = network;
    this.record = record;
  }

  /** How one replica sees it. @param after runs something at a time to come, if the process lives so long. */
  seenBy(replica: number, after: (delayMs: number, task: () => void) => void): Pick<GroupRegister, 'put'> {
    return {
      put: (record, done) => {
        let open = true;
        const end = (error: QanatError | undefined): void => {
          if (!open) return;
          open = false;
          done(error);
        };
        after(ANSWER_MS, () => end(new QanatError('TIMEOUT', 'the register does not answer')));
        this.#network.send(replica, REGISTER, () => {
          const fenced = this.#take(record) ? undefined : new QanatError('TERM_FENCED', 'another record is there');
          this.#network.send(REGISTER, replica, () => after(0, () => end(fenced)));
        });
      },
    };
  }

  #take(record: GroupRecord): boolean {
    const held = this.record;
    if (record === held) return true;
    const follows = record.term > held.term || (record.term === held.term && record.master === held.master);
    if (!follows || record.version <= held.version) return false;
    this.record = record;
    return true;
  }
}

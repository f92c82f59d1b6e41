import type { Checker } from './checker.ts';

/** Faults of a disk for which a broker may end. */
const DISK_FAULTS: readonly string[] = ['syncFails', 'diskError', 'diskFull', 'rot', 'powerCut', 'kill'];

/** What a process may end with when its disk failed: anything else is a defect of its own. */
const STORE_CODES: ReadonlySet<string | undefined> = new Set(['STORE_IO', 'STORAGE_FAILED', 'STORAGE_REJECTED', 'CORRUPT_LOG']);

export const nothingBreaks: Checker = {
  name: 'nothing-breaks',
  rule: 'no process ends by itself but after a fault of its disk, nobody calls whole data corrupt, and without faults no send fails',
  begin: (facts, report) => ({
    see(event, index) {
      if (event.kind === 'node' && event.state === 'failed') {
        const { node, code } = event;
        if (!STORE_CODES.has(code)) report(`${node} failed by a defect of its own: ${code}`, event);
        else if (code === 'CORRUPT_LOG' && !facts.struck.has(`rot ${node}`))
          report(`${node} refuses a log that nobody damaged`, event);
        else if (!DISK_FAULTS.some((fault) => facts.struck.has(`${fault} ${node}`)))
          report(`${node} failed (${code}) without a fault`, event);
      } else if (event.kind === 'sendCompleted' && event.outcome !== 'ok' && index < facts.firstFault) {
        const invoked = facts.sends.get(event.value)?.invoked;
        // Who gives a call less than a second may find that its first connection took longer.
        const patient = invoked !== undefined && event.atMs - invoked.atMs >= 1_000;
        if (invoked?.producer !== 'meddler' && (patient || event.code !== 'TIMEOUT'))
          report(`${event.value} is ${event.outcome} (${event.code}) without a fault`, event);
      } else if (event.kind === 'member' && event.state === 'refused')
        report(`${event.member} was refused by its group: ${event.code}`, event);
    },
  }),
};

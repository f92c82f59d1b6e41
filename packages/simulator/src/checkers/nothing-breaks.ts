import type { Checker } from './checker.ts';
import type { Facts } from './facts.ts';

/** Faults of a disk for which a broker may end. */
const DISK_FAULTS: readonly string[] = ['syncFails', 'diskError', 'diskFull', 'rot', 'powerCut', 'kill'];

/** What a process may end with when its disk failed: anything else is a defect of its own. */
const STORE_CODES: ReadonlySet<string | undefined> = new Set(['STORE_IO', 'STORAGE_FAILED', 'STORAGE_REJECTED', 'CORRUPT_LOG']);

/** Who gives a call less may find that its first connection took longer. */
const CALL_MS_MIN = 1_000;
/** After a planned restart: the longest wait before a client tries to connect again, too (QNT-CON-025). */
const CALL_AFTER_STOP_MS_MIN = 6_000;

/** Whether a call had time enough: while a broker is down as planned, a message whose key belongs there waits (QNT-SND-025). */
function hadTime({ spans }: Facts, fromMs: number, toMs: number): boolean {
  const stops = spans.filter(({ fault, fromMs: from, toMs: to }) => fault === 'down' && from < toMs && to > fromMs);
  const downMs = stops.reduce((sum, stop) => sum + Math.min(stop.toMs, toMs) - Math.max(stop.fromMs, fromMs), 0);
  return toMs - fromMs - downMs >= (stops.length === 0 ? CALL_MS_MIN : CALL_AFTER_STOP_MS_MIN);
}

export const nothingBreaks: Checker = {
  name: 'nothing-breaks',
  rule: 'no process ends by itself but after a fault of its disk, nobody calls whole data corrupt, and without faults no send fails',
  begin: (facts, report) => ({
    see(event, index) {
      if (event.kind === 'node' && event.state === 'failed') {
        const { node, code } = event;
        if (code === 'RESTART_REQUIRED' && facts.beginsAnew) return;
        if (!STORE_CODES.has(code)) report(`${node} failed by a defect of its own: ${code}`, event);
        else if (code === 'CORRUPT_LOG' && !facts.struck.has(`rot ${node}`))
          report(`${node} refuses a log that nobody damaged`, event);
        else if (!DISK_FAULTS.some((fault) => facts.struck.has(`${fault} ${node}`)))
          report(`${node} failed (${code}) without a fault`, event);
      } else if (event.kind === 'sendCompleted' && event.outcome !== 'ok' && index < facts.firstFault) {
        const invoked = facts.sends.get(event.value)?.invoked;
        const patient = invoked !== undefined && hadTime(facts, event.fromMs ?? invoked.atMs, event.atMs);
        if (invoked?.producer !== 'meddler' && (patient || event.code !== 'TIMEOUT'))
          report(`${event.value} is ${event.outcome} (${event.code}) without a fault`, event);
      } else if (event.kind === 'member' && event.state === 'refused')
        report(`${event.member} was refused by its group: ${event.code}`, event);
    },
  }),
};

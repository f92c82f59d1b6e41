import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';

/** Longer than anything that follows from a change may take. */
export const SETTLED: Step = { op: 'live', ms: 2_500 };

export const program = (name: string, steps: readonly Step[], rest: Partial<Program> = {}): Program => ({
  family: 'groups',
  name,
  role: 'broker',
  ...rest,
  steps,
});

export const topic = (queues: number, name = '~t'): Step => ({ op: 'topic', topic: name, queues });
export const join = (m: string, rest: JsonObject = {}): Step => ({ op: 'join', g: '~g', m, ...rest });
export const by = (op: string, m: string, rest: JsonObject = {}): Step => ({ op, g: '~g', m, ...rest });
export const describe: Step = { op: 'describe', g: '~g' };
export const ask = (frame: string, header: JsonObject): Step => ({ op: 'ask', frame, header });
export const fetch: Step = ask('OFFSET_FETCH', { group: '~g', queues: [0, 1, 2, 3].map((queue) => ({ topic: '~t', queue })) });
export const live = (ms: number): Step => ({ op: 'live', ms });

export const KILLED = { alone: true, needs: ['kill'] } as const;
export const CUT = { alone: true, needs: ['powerloss'] } as const;
export const STOPPED = { alone: true, needs: ['stop'] } as const;
export const VIRTUAL = { timing: 'virtual' } as const;

export const heartbeat = (group: string, header: JsonObject = {}, subscription: JsonObject = {}): Step =>
  ask('CLIENT_HEARTBEAT', {
    group,
    member: 'x',
    revision: 1,
    subscription: { topics: [{ topic: '~t' }], ...subscription },
    ...header,
  });

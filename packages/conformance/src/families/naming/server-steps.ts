// Steps of the programs against a NameServer.
import type { Program, Step } from '../../play/program.ts';

export const OPEN: Step = { op: 'open' };
/** Longer than an update may take, slow machines included. */
export const SETTLE: Step = { op: 'wait', ms: 1_500 };
export const query = (c: number, ...topics: string[]): Step => ({ op: 'query', c, topics });
export const watch = (c: number, ...topics: string[]): Step => ({ op: 'query', c, topics, watch: true });
export const wait = (ms: number): Step => ({ op: 'wait', ms });
export const register = (c: number, more: Partial<Step> = {}): Step =>
  ({ op: 'register', c, topics: [['~t1', 4]], ...more }) as Step;

export const program = (name: string, steps: readonly Step[], more: Partial<Program> = {}): Program => ({
  family: 'naming',
  name,
  role: 'nameserver',
  steps,
  ...more,
});

export const RAW_STORE = { $hex: '01'.repeat(16) };
export const raw = (header: Step['header'], more: Partial<Step> = {}): Step =>
  ({ op: 'request', c: 0, frame: 'REGISTER_BROKER', header, ...more }) as Step;

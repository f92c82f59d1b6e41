import type { JsonObject } from '../../../json.ts';
import type { Program, Step } from '../../../play/program.ts';

export const programOf = (name: string, steps: readonly Step[], more: Partial<Program> = {}): Program => ({
  family: 'mqtt',
  name,
  role: 'bridge',
  steps,
  ...more,
});

/** One program for each version of MQTT. */
export const inBoth = (name: string, steps: (version: 4 | 5) => readonly Step[]): readonly Program[] =>
  ([4, 5] as const).map((version) => programOf(`${name}-${version === 4 ? '3.1.1' : '5.0'}`, steps(version)));

/** Whatever a session needs to outlive its connections. */
export const lasting = (version: 4 | 5): JsonObject =>
  version === 4 ? { version, clean: false } : { version, clean: false, expiry: 600 };

export const connect = (d: string, fields: JsonObject = {}): Step => ({ op: 'connect', d, ...fields });
export const subscribe = (d: string, fields: JsonObject = {}): Step => ({ op: 'subscribe', d, ...fields });
export const publish = (d: string, fields: JsonObject = {}): Step => ({ op: 'publish', d, ...fields });
export const drop = (d: string): Step => ({ op: 'drop', d });
export const disconnect = (d: string, fields: JsonObject = {}): Step => ({ op: 'disconnect', d, ...fields });
export const ping = (d: string): Step => ({ op: 'ping', d });
export const pass = (ms: number): Step => ({ op: 'pass', ms });
export const arrives = (d: string, count = 1): Step => ({ op: 'awaitPackets', d, packet: 'PUBLISH', count });
export const SETTLE: Step = { op: 'settle' };
export const COLLECT: Step = { op: 'collect' };

// The targets: one for each decoder. Headers have one for each frame and side.
import { readFileSync } from 'node:fs';

const WIRE = ['preface', 'frame-splitter', 'frame-header', 'batch-header', 'records', 'properties'];
const TEXTS = ['filter', 'names', 'address', 'url', 'scram'];
const TOOLS = ['annotate'];
const DEVICES = ['mqtt-codec'];
const STORED = ['log-entry', 'log-scan', 'snapshot', 'state-record', 'index-file'];
const SESSIONS = ['name-server-session', 'broker-session', 'client-session'];

const frames = JSON.parse(readFileSync(new URL('../../spec/v1/vectors/frames.json', import.meta.url), 'utf8')).cases.filter(
  (c) => c.frame !== undefined,
);
const side = { request: 'request', push: 'request', response: 'response', error: 'error' };
const HEADERS = new Set(
  frames.map(({ frame, kind }) => (kind === 'error' ? 'header-ERROR-response' : `header-${frame}-${side[kind]}`)),
);

export const TARGETS = [...WIRE, ...TEXTS, ...STORED, ...SESSIONS, ...TOOLS, ...DEVICES, ...HEADERS];

/** @returns `{ run(input), seeds?(), mend?(input), words? }`: `run` throws when a rule is broken. */
export async function loadTarget(name) {
  if (!name.startsWith('header-')) return (await import(`./${name}.mjs`)).default;
  const [, frame, side] = name.split('-');
  return (await import('./header.mjs')).headerTarget(frame, side);
}

// What a process wrote to standard error, as objects: servers log JSON.
import { existsSync, readFileSync } from 'node:fs';

export function readLog(trial, name) {
  const path = trial.log(name);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}

/** The lines of an event from a time (ms since 1970) on. A broker that was frozen wrote none meanwhile. */
export const logged = (trial, name, event, sinceMs = 0) =>
  readLog(trial, name).filter((line) => line.event === event && Date.parse(line.time) >= sinceMs);

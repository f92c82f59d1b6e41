// What a process costs: its memory, and the time of the processor that it has used. From /proc, so on Linux only.
import { readFileSync } from 'node:fs';

const TICK_MS = 10;

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

export const residentMb = (pid) => Math.round(Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024);

/** Processor time of all its threads so far, user and system, ms; undefined where nobody tells. */
export function cpuMs(pid) {
  // The name of the program, in brackets, may hold spaces.
  const fields = read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ');
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Time of all processors that the host of this virtual machine has given to others while it wanted to run, ms; 0 elsewhere. */
export const stolenMs = () => Number(/^cpu +(?:\d+ +){7}(\d+)/.exec(read('/proc/stat'))?.[1] ?? 0) * TICK_MS;

/** Microseconds of a processor that `run` cost the process for each of `count(result)` messages. */
export async function costed(pid, run, count) {
  const before = cpuMs(pid);
  const result = await run();
  const after = cpuMs(pid);
  if (before === undefined || after === undefined) return { result, cpuUs: undefined };
  return { result, cpuUs: Math.round(((after - before) * 1e6) / Math.max(1, count(result))) / 1000 };
}

// What a process uses, read from Linux.
import { readFileSync } from 'node:fs';

/** USER_HZ, which is 100 on every Linux. */
const TICK_MS = 10;

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

export const residentMib = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1_024;

/** Milliseconds of a processor that it has used. */
export const cpuMs = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
};

/** Files and sockets that a process of this user may have open at once. */
export const openFilesMax = () => {
  const limits = /Max open files\s+(\S+)\s+(\S+)/.exec(readFileSync('/proc/self/limits', 'utf8'));
  return limits[2] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limits[2]);
};

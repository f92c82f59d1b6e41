import type { BrokerOptions } from '@qanat/core';
import type { Command, Option } from 'commander';
import { durationMs, option, wholeNumber } from '../options.ts';

const MIB = 1024 * 1024;

/** Options of `qanat broker` about its log. */
export interface LogFlags {
  readonly retentionTime?: number;
  readonly retentionMib?: number;
  readonly reserveMib?: number;
  readonly segmentMib?: number;
  readonly scrubMib?: number;
}

/** When a broker syncs what it acknowledges: also of `qanat dev`. */
export const flushOption = (): Option =>
  option('--flush <when>', 'sync: before the acknowledgement, async: soon after', {
    choices: ['sync', 'async'],
    env: 'QANAT_FLUSH',
    fallback: 'sync',
  });

export function addLogOptions(command: Command): Command {
  return command
    .addOption(
      option('--retention-time <duration>', 'messages that are older leave the log, for example 7d; default: never', {
        parse: durationMs,
        env: 'QANAT_RETENTION_TIME',
      }),
    )
    .addOption(
      option('--retention-mib <n>', 'MiB of log above which the oldest messages leave it; default: no limit', {
        parse: wholeNumber(1),
        env: 'QANAT_RETENTION_MIB',
      }),
    )
    .addOption(
      option('--reserve-mib <n>', 'MiB of free disk under which sends are refused; default 256', {
        parse: wholeNumber(0),
        env: 'QANAT_RESERVE_MIB',
      }),
    )
    .addOption(
      option('--segment-mib <n>', 'MiB of a file of the log; messages leave the log a file at a time; default 128', {
        parse: wholeNumber(1, 4_095),
        env: 'QANAT_SEGMENT_MIB',
      }),
    )
    .addOption(
      option('--scrub-mib <n>', 'MiB a second of old log that are read again in search of damage; default 1, 0: none', {
        parse: wholeNumber(0),
        env: 'QANAT_SCRUB_MIB',
      }),
    );
}

/** What was given; the broker has defaults for the rest. */
export function logSettings({
  retentionTime,
  retentionMib,
  reserveMib,
  segmentMib,
  scrubMib,
}: LogFlags): NonNullable<BrokerOptions['log']> {
  return {
    ...(retentionTime === undefined ? {} : { retentionMs: retentionTime }),
    ...(retentionMib === undefined ? {} : { retentionBytes: retentionMib * MIB }),
    ...(reserveMib === undefined ? {} : { reserveBytes: reserveMib * MIB }),
    ...(segmentMib === undefined ? {} : { segmentBytes: segmentMib * MIB }),
    ...(scrubMib === undefined ? {} : { scrubBytesPerSecond: scrubMib * MIB }),
  };
}

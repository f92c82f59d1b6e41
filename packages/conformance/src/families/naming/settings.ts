import { LIMITS } from '@qanat/core';
import type { View } from '../../history/view.ts';
import { isObject, type JsonObject } from '../../json.ts';
import { numberOf } from '../../play/program.ts';

/** What no frame tells of a NameServer: as the program has set it up, or as the registry has it. */
export interface NameServerSettings {
  readonly lostMs: number;
  readonly awayMs: number;
  readonly warmupMs: number;
  /** The program has set the time of warming up: it is that, and not another default. */
  readonly warmupSet: boolean;
  /** Undefined where the program says nothing: others may have registered as well. */
  readonly brokersMax: number | undefined;
}

/** Where a program that needs it says how its subject is set up. */
function setUpOf(view: View): JsonObject {
  const setup = view.notes('setup')[0]?.args;
  return isObject(setup) && isObject(setup.nameServer) ? setup.nameServer : {};
}

export function settingsOf(view: View): NameServerSettings {
  const set = setUpOf(view);
  return {
    lostMs: numberOf(set, 'lostMs', LIMITS.BROKER_LOST_MS),
    awayMs: numberOf(set, 'awayMs', LIMITS.BROKER_AWAY_MS),
    warmupMs: numberOf(set, 'warmupMs', LIMITS.NAMESERVER_WARMUP_MS),
    warmupSet: typeof set.warmupMs === 'number',
    brokersMax: typeof set.brokersMax === 'number' ? set.brokersMax : undefined,
  };
}

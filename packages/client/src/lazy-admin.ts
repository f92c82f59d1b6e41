import { orAborted } from './abort.ts';
import type { Admin } from './client-api.ts';
import type { EngineRunner } from './engine-runner.ts';
import { ADMINISTRATION } from './parts.ts';
import type { CallOptions } from './types.ts';

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/** Their names alone: what they do is loaded later. */
const CALLS: Readonly<Record<keyof Admin, true>> = {
  createTopic: true,
  alterTopic: true,
  removeTopic: true,
  listTopics: true,
  describeTopic: true,
  listBrokers: true,
  describeBroker: true,
  describeBrokers: true,
  promote: true,
  demote: true,
  listGroups: true,
  describeGroup: true,
  resetGroup: true,
};

/** Administration that is loaded by its first call. */
export function lazyAdmin(runner: EngineRunner): Admin {
  let admin: Readonly<Record<string, Call>> | undefined;
  const call = async (name: string, args: readonly unknown[], signal: AbortSignal | undefined): Promise<unknown> => {
    signal?.throwIfAborted();
    const { EngineAdmin } = await ADMINISTRATION.load();
    admin ??= new EngineAdmin(runner) as unknown as Readonly<Record<string, Call>>;
    return admin[name]?.(...args);
  };
  const calls = Object.keys(CALLS).map((name): [string, Call] => [
    name,
    (...args) => {
      // The options come last, where there are any.
      const signal = (args.at(-1) as CallOptions | undefined)?.signal;
      return orAborted(call(name, args, signal), signal);
    },
  ]);
  return Object.fromEntries(calls) as unknown as Admin;
}

import type { ConsumerOptions as EngineOptions, StartPosition } from '@qanat/core';
import type { ConsumerOptions, StartFrom, Topics } from './types.ts';

export function startPosition(from: StartFrom | undefined): StartPosition | undefined {
  if (from === undefined || from === 'first' || from === 'last') return from;
  return { timeMs: typeof from === 'number' ? from : from.getTime() };
}

export function subscriptions(topics: Topics): readonly { readonly topic: string; readonly filter?: string }[] {
  if (typeof topics === 'string') return [{ topic: topics }];
  if (Array.isArray(topics)) return topics.map((topic: string) => ({ topic }));
  return Object.entries(topics as Readonly<Record<string, string>>).map(([topic, filter]) => ({ topic, filter }));
}

/** The fields that every kind of consumer has. */
export function commonOptions(options: ConsumerOptions): Omit<EngineOptions, 'mode'> {
  const from = startPosition(options.from ?? 'last');
  return {
    subscriptions: subscriptions(options.topics),
    concurrency: options.concurrency ?? 1,
    ...(from === undefined ? {} : { from }),
    ...(options.label === undefined ? {} : { label: options.label }),
    ...(options.ordered === undefined ? {} : { ordered: options.ordered }),
    ...(options.readFrom === undefined ? {} : { readFrom: options.readFrom }),
    ...(options.lagMessages === undefined ? {} : { lagMessages: options.lagMessages }),
    ...(options.prefetchBytes === undefined ? {} : { prefetchBytes: options.prefetchBytes }),
  };
}

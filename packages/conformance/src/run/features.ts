import { Feature } from '@qanat/core';
import type { HistoryEvent } from '../history/event.ts';
import { View } from '../history/view.ts';

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(Feature).map(([name, number]) => [number, name.replace('FEATURE_', '')]),
);

/** For people. */
export const featureName = (feature: number): string => NAMES.get(feature) ?? `feature ${feature}`;

/** What a subject has switched on, as its answers to HELLO tell. */
export const featuresIn = (events: readonly HistoryEvent[]): readonly number[] =>
  new View(events, 0).connections.flatMap(({ helloOk }) => (helloOk?.features as readonly number[] | undefined) ?? []);

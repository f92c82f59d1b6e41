import { QanatError } from '../errors.ts';
import type { HelloOkInit } from '../wire/gen/messages.ts';
import { Feature, FRAMES, ServerRole } from '../wire/gen/registry.ts';
import type { LiveFrame } from './request.ts';

/** Features beside AUTH came with these minor versions. */
const FIRST_MINOR_VERSION = 2;
const MINOR_VERSIONS: ReadonlyMap<number, number> = new Map([[Feature.FEATURE_REPLICATION, 3]]);

export const NO_FEATURES: ReadonlySet<number> = new Set();

/** The feature that a frame needs, where it needs one. */
const FEATURE_OF: ReadonlyMap<string, number> = new Map(
  Object.entries(FRAMES).flatMap(([name, { feature }]) =>
    feature === '' ? [] : [[name, Feature[feature as keyof typeof Feature]]],
  ),
);

/** Of a role's features those that a server of this minor version has switched on. */
export const servedFeatures = (features: readonly number[] | undefined, minor: number): readonly number[] =>
  features?.filter((feature) => minor >= (MINOR_VERSIONS.get(feature) ?? FIRST_MINOR_VERSION)) ?? [];

/** What a server says of a frame that another role serves. */
export const notServed = ({ role }: HelloOkInit, name: LiveFrame): QanatError =>
  new QanatError('WRONG_BROKER', `this ${role === ServerRole.BROKER ? 'broker' : 'NameServer'} does not serve ${name}`);

/** @throws QanatError UNSUPPORTED_FEATURE where the frame needs a feature that is not active (QNT-CON-007). */
export function checkFeature(name: LiveFrame, active: ReadonlySet<number>): void {
  const needed = FEATURE_OF.get(name);
  if (needed === undefined || active.has(needed)) return;
  throw new QanatError('UNSUPPORTED_FEATURE', `${name} needs a feature that is not active on this connection`);
}

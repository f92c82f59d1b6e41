import { Feature } from '@qanat/core';
import type { ConnectionSeen } from '../../history/view.ts';

/** The minor version that brings replicas. */
const MINOR = 3;

/** Whether replicas are spoken of on a connection, with records or without. */
export const knowsReplicas = ({ helloOk }: ConnectionSeen): boolean => (helloOk?.minor ?? 0) >= MINOR;

/** Whether the feature REPLICATION is active on a connection. */
export const isActive = ({ helloOk }: ConnectionSeen): boolean =>
  ((helloOk?.features as readonly number[] | undefined) ?? []).includes(Feature.FEATURE_REPLICATION);

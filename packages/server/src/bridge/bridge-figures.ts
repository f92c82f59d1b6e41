import type { ClusterFigures, Figures, Gauges, UpstreamFigures } from '@qanat/mqtt';

/** What monitoring sees of a bridge. Counters are since its start. */
export interface BridgeFigures {
  /** It serves devices. */
  readonly ready: boolean;
  readonly connections: number;
  /** Connections that were dropped since the process can have no more files open. */
  readonly connectionsDropped: number;
  readonly counters: Readonly<Figures>;
  readonly gauges: Gauges;
  readonly cluster: ClusterFigures;
  readonly upstreams: readonly UpstreamFigures[];
}

/** A bridge, for those who look at it. */
export interface BridgeView {
  figures(): BridgeFigures;
}

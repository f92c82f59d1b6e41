import type { View } from '../../history/view.ts';
import type { Act, Span } from './acts.ts';
import type { Lease } from './leases.ts';
import type { Life } from './topic-model.ts';

/** What the models of groups ask of the model of their broker. */
export interface KnownBroker {
  readonly view: View;
  readonly acts: readonly Act[];
  topic(name: string, span: Span): Life | 'absent' | undefined;
  /** From some place on nothing is known any more. */
  isBlind(span: Span): boolean;
}

/** What the committed offsets ask of the model of their group. */
export interface KnownGroup {
  readonly acts: readonly Act[];
  readonly subscribers: readonly Act[];
  leasesAt(topic: string, queue: number): readonly Lease[];
}

import type { Family } from '../../play/family.ts';
import { CODEC_CLAUSES } from './clauses.ts';
import { GENERATED } from './generated.ts';
import { CODEC_OPS } from './ops.ts';
import { CODEC_PROGRAMS } from './programs.ts';

export const codec: Family = {
  name: 'codec',
  clauses: CODEC_CLAUSES,
  programs: CODEC_PROGRAMS,
  generated: { codec: GENERATED },
  ops: CODEC_OPS,
};

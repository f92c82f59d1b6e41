import { expect, it } from 'vitest';
import { Flag, wireNumberOf } from '../../src/index.ts';
import { ServerBench } from '../conformance/session-bench.ts';

it('closes on MORE where it may not be, also when a field is missing: the decode order says so [QNT-FRM-014]', () => {
  const server = new ServerBench().open();
  server.send('TOPIC_CREATE', {}, Flag.MORE);
  expect(server.codes).toEqual([wireNumberOf('MALFORMED_FRAME')]);
  expect(server.kinds).toContain('close');
});

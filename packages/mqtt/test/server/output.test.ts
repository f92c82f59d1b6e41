import { expect, test } from 'vitest';
import { Connection } from '../../src/server/connection.ts';
import { Output } from '../../src/server/output.ts';

test('the answers to thousands of pings leave as one stretch of common memory: nothing is made for each', () => {
  const sent: Uint8Array[] = [];
  const nothing = (): void => {};
  const send = (_id: number, bytes: Uint8Array): boolean => sent.push(bytes) > 0;
  const output = new Output({ send, close: nothing, abort: nothing, pause: nothing, resume: nothing });
  const connection = new Connection(1, { address: '10.0.0.1:4000', secure: false }, 0);
  for (let i = 0; i < 20_000; i++) output.pong(connection);
  expect(connection.parts).toBeUndefined();
  output.flush();
  expect(sent).toHaveLength(1);
  expect(Buffer.from(sent[0] as Uint8Array).equals(Buffer.from('d000'.repeat(20_000), 'hex'))).toBe(true);
});

import { expect, test } from 'vitest';
import { startWorld } from './bridges.ts';

const DEVICES = 300;
const MISSED = 50;

test('devices that come back together after their bridge died read the log together, and each gets its own', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  for (let i = 0; i < DEVICES; i++) await one.session(`device-${i}`, [`commands/${i}`]);
  await world.cluster.advance(3_000);
  await one.kill();
  const publisher = await world.bridge('publisher');
  for (let i = 0; i < MISSED; i++) await publisher.publish(`commands/${i}`, `for ${i}`);
  await world.cluster.advance(100);
  // Its tails begin behind what was missed: nothing of that is in its memory.
  const two = await world.bridge('two');
  const before = two.cluster.figures().fetches;
  const claims = await Promise.all(Array.from({ length: DEVICES }, (_, i) => two.claimed(`device-${i}`)));
  const fetches = two.cluster.figures().fetches - before;
  for (const [i, { sessionPresent, backlog }] of claims.entries()) {
    expect(sessionPresent).toBe(true);
    expect(backlog.places).toHaveLength(i < MISSED ? 1 : 0);
  }
  expect(fetches).toBeLessThan(DEVICES / 2);
});

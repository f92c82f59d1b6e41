import { expect, test } from 'vitest';
import { checkUpstream } from '../../src/bridge/open-upstream.ts';

test.each([
  ['mqtt://broker.example', 'broker.example'],
  ['mqtt://broker.example:1883', 'broker.example'],
  ['mqtts://broker.example:8883', 'broker.example'],
  ['mqtt://broker.example:1884', 'broker.example-1884'],
  ['ws://[::1]:9001/mqtt', '___1_-9001'],
])('the broker at %s is called %s, so that two at one host share nothing', (url, name) => {
  expect(checkUpstream({ url, topics: ['# in 1'] }).name).toBe(name);
});

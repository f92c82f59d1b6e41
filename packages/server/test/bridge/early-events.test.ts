import type { ClusterEvents, StoredPublication } from '@qanat/mqtt';
import { expect, it } from 'vitest';
import { EarlyEvents } from '../../src/bridge/early-events.ts';

it('what the cluster tells before there is a server is told to it in order, and nothing twice', () => {
  const told: string[] = [];
  const server: ClusterEvents = {
    listens: () => false,
    arrived: (messages, nowMs) => void told.push(`arrived ${messages.length} ${nowMs}`),
    takenOver: (clientId, epoch, nowMs) => void told.push(`taken over ${clientId} ${epoch} ${nowMs}`),
    setOffline: (clientId, epoch, nowMs) => void told.push(`offline ${clientId} ${epoch} ${nowMs}`),
    shared: (share, _message, settle, nowMs) => {
      told.push(`shared ${share.name} ${nowMs}`);
      settle(true);
    },
    ready: (nowMs) => void told.push(`ready ${nowMs}`),
    unsettled: () => [],
  };
  const early = new EarlyEvents();
  expect([...early.target.unsettled()]).toEqual([]);
  expect(early.target.listens()).toBe(true);
  early.target.arrived([], 1);
  early.target.takenOver('c', 2, 3);
  early.target.shared({ name: 's', filter: '#' }, {} as StoredPublication, (done) => told.push(`settled ${done}`), 4);
  early.target.setOffline('d', 7, 8);
  early.target.ready(5);
  early.lead(server);
  expect(early.target.listens()).toBe(false);
  early.target.ready(6);
  expect(told).toEqual(['arrived 0 1', 'taken over c 2 3', 'shared s 4', 'settled true', 'offline d 7 8', 'ready 5', 'ready 6']);
});

// What there is to try. The deadline is that of the full size.
import { clock } from './clock.mjs';
import { failover } from './failover.mjs';
import { failoverManual } from './failover-manual.mjs';
import { failoverPartition } from './failover-partition.mjs';
import { failoverPause } from './failover-pause.mjs';
import { fullDisk } from './full-disk.mjs';
import { groups } from './groups.mjs';
import { hostile } from './hostile.mjs';
import { hungBroker } from './hung-broker.mjs';
import { hungNameServer } from './hung-name-server.mjs';
import { killNine } from './kill-nine.mjs';
import { mqttCatchUp } from './mqtt-catch-up.mjs';
import { mqttHostile } from './mqtt-hostile.mjs';
import { nameServers } from './name-servers.mjs';
import { pauses } from './pauses.mjs';
import { powerCut } from './power-cut.mjs';
import { recovery } from './recovery.mjs';
import { rot } from './rot.mjs';
import { scaleConnections } from './scale-connections.mjs';
import { scaleMembers } from './scale-members.mjs';
import { scaleTopics } from './scale-topics.mjs';

const MINUTE_MS = 60_000;

export const TRIALS = [
  {
    name: 'groups',
    run: groups,
    deadlineMs: 1.5 * MINUTE_MS,
    about: 'tails share the queues of a group: joins, Ctrl-C, kill -9, an idle one, a broker restarted',
  },
  {
    name: 'nameservers',
    run: nameServers,
    deadlineMs: 1.5 * MINUTE_MS,
    about: 'two NameServers are killed, one by one and both: traffic goes on',
  },
  {
    name: 'hostile',
    run: hostile,
    deadlineMs: 10 * MINUTE_MS,
    about: 'hostile peers at both ports, 18 attacks each: ended as specified, memory bounded, others served (full: every cut)',
  },
  {
    name: 'hung-broker',
    run: hungBroker,
    deadlineMs: 1.5 * MINUTE_MS,
    about: 'a broker is frozen under load and comes back: nothing lost, nothing twice',
  },
  {
    name: 'hung-nameserver',
    run: hungNameServer,
    deadlineMs: 1.5 * MINUTE_MS,
    about: 'the first NameServer accepts and never answers, or is frozen',
  },
  {
    name: 'kill-9',
    run: killNine,
    deadlineMs: 10 * MINUTE_MS,
    about: 'brokers are killed again and again under load, many while they recover (20 kills; full: 200)',
  },
  {
    name: 'failover',
    run: failover,
    deadlineMs: 20 * MINUTE_MS,
    about:
      'masters of two groups are killed in turn under load, etcd elects: nothing lost, seconds of outage (3 kills; full: 30; etcd)',
  },
  {
    name: 'failover-manual',
    run: failoverManual,
    deadlineMs: 2 * MINUTE_MS,
    about: 'a master is killed and not promoted: consumers drain its slave, sends go on elsewhere; then it is promoted',
  },
  {
    name: 'failover-partition',
    run: failoverPartition,
    deadlineMs: 2.5 * MINUTE_MS,
    about: 'a master is cut off with a client, its slave promoted: the old one commits nothing, its tail goes (--proxy)',
  },
  {
    name: 'failover-pause',
    run: failoverPause,
    deadlineMs: 6 * MINUTE_MS,
    about:
      'SIGSTOP of a master, then of a slave, for 20 s, etcd elects: no two masters, nothing lost (once; full: 3 times; etcd)',
  },
  {
    name: 'power-cut',
    run: powerCut,
    deadlineMs: 10 * MINUTE_MS,
    about: 'power cuts on ext4 and XFS under load, and the same without syncs, which must lose (6 cuts; full: 50; root)',
  },
  {
    name: 'full-disk',
    run: fullDisk,
    deadlineMs: 4 * MINUTE_MS,
    about: 'a disk fills up: sends are rejected, reads and commits go on, it resumes by itself (root, for a tmpfs)',
  },
  {
    name: 'rot',
    run: rot,
    deadlineMs: 4 * MINUTE_MS,
    about: 'a bit of durable data flips: refused with its position, nothing changed (8 bits; full: 40)',
  },
  {
    name: 'mqtt-catch-up',
    run: mqttCatchUp,
    deadlineMs: 25 * MINUTE_MS,
    about: 'MQTT devices come back to a log that has grown: the one command at once (1 million; full: 50 million; --rounds N: N)',
  },
  {
    name: 'mqtt-hostile',
    run: mqttHostile,
    deadlineMs: 5 * MINUTE_MS,
    about: 'hostile MQTT devices at a bridge: ended as the standard says, memory bounded, honest devices served',
  },
  {
    name: 'pauses',
    run: pauses,
    deadlineMs: 5 * MINUTE_MS,
    about: 'SIGSTOP of a NameServer and a broker for 8 s, of a consumer for 15 s (once; full: 3 times)',
  },
  {
    name: 'clock',
    run: clock,
    deadlineMs: 4 * MINUTE_MS,
    about: 'the wall clock of a broker steps by an hour, forward and back (once; full: 5 times; libfaketime)',
  },
  {
    name: 'scale-topics',
    run: scaleTopics,
    deadlineMs: 10 * MINUTE_MS,
    about: 'many topics, traffic on one: throughput, start, memory (2,000 topics, 3 runs; full: 10,000, 7 runs)',
  },
  {
    name: 'scale-connections',
    run: scaleConnections,
    deadlineMs: 5 * MINUTE_MS,
    about: 'idle connections at one broker: memory of each, what they cost (2,000; full: 10,000; --rounds N: N)',
  },
  {
    name: 'scale-members',
    run: scaleMembers,
    deadlineMs: 8 * MINUTE_MS,
    about: 'many members in one group, one leaves, one joins: settled in 2 s (200 members; full: 1,000)',
  },
  {
    name: 'recovery',
    run: recovery,
    deadlineMs: 12 * MINUTE_MS,
    about:
      'a large log, kill -9 under load, empty page cache: ready in 3 s (1 GB; full: 10 GB; --rounds N: N GB; root for the cache)',
  },
];

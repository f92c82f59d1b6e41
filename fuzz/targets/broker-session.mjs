import { Broker } from '../../packages/core/src/broker/broker.ts';
import { Random } from '../../packages/core/src/random.ts';
import { nodePlatform } from '../../packages/transports/src/node/node-platform.ts';
import { Disk } from '../disk.mjs';
import { must } from './rules.mjs';
import { serverTarget } from './server-session.mjs';

const log = { segmentBytes: 1024 * 1024 };

const brokerOn = (disk) => ({
  engine: new Broker({ name: 'b1', platform: nodePlatform, random: new Random(1), log }),
  disk,
});
const make = () => brokerOn(new Disk());
make.again = brokerOn;
make.same = (before, after) => {
  must(before.figures().topics === after.figures().topics, 'topics are lost');
  must(after.figures().term === before.figures().term + 1, `term ${after.figures().term} behind ${before.figures().term}`);
};

export default serverTarget({
  layers: ['broker', 'admin', 'server', 'nameserver'],
  make,
  check({ engine }) {
    const { connections, stagedBytes } = engine.figures();
    must(connections === 0, 'connections are kept:', connections);
    must(stagedBytes === 0, 'bytes are never stored:', stagedBytes);
  },
});

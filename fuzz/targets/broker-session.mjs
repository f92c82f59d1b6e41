import { Broker } from '../../packages/core/src/broker/broker.ts';
import { Random } from '../../packages/core/src/random.ts';
import { nodePlatform } from '../../packages/transports/src/node/node-platform.ts';
import { Disk } from '../disk.mjs';
import { must } from './rules.mjs';
import { serverTarget } from './server-session.mjs';

const log = { segmentBytes: 1024 * 1024 };

export default serverTarget({
  layers: ['broker', 'admin', 'server', 'nameserver'],
  make: () => ({ engine: new Broker({ name: 'b1', platform: nodePlatform, random: new Random(1), log }), disk: new Disk() }),
  check({ engine }) {
    const { connections, stagedBytes } = engine.figures();
    must(connections === 0, `${connections} connections are kept`);
    must(stagedBytes === 0, `${stagedBytes} bytes are never stored`);
  },
});

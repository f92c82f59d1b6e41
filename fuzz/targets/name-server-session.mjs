import { NameServer } from '../../packages/core/src/name-server/name-server.ts';
import { Random } from '../../packages/core/src/random.ts';
import { must } from './rules.mjs';
import { serverTarget } from './server-session.mjs';

export default serverTarget({
  layers: ['nameserver', 'server', 'broker'],
  make: () => ({ engine: new NameServer({ name: 'n1', software: 'fuzz', random: new Random(1), warmupMs: 0 }) }),
  check: ({ engine }) => must(engine.brokers().length < 1_000, 'more brokers than the limit'),
});

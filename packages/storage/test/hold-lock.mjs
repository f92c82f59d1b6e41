// Holds the lock of a store as another process would: the socket that the spec of the lock names, and the file LOCK.
import { createHash } from 'node:crypto';
import { realpathSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const directory = realpathSync(process.argv[2]);
const name = createHash('sha256').update(directory).digest('hex');
createServer().listen(`\0qanat-${name}`, () => {
  writeFileSync(join(directory, 'LOCK'), `${process.pid}\n`);
  process.send('locked');
});

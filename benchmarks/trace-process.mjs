// Notes when a process reads, writes and syncs, for `latency --trace`; loaded before everything else (`node --import`).
// What it notes costs some microseconds of each stage.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const directory = process.env.QANAT_BENCH_TRACE;
const role =
  process.argv[2] === 'broker' ? 'broker' : process.argv[1]?.endsWith('consumer-process.mjs') ? 'consumer' : 'producer';
const events = [];
const note = (what, bytes) => events.push([performance.timeOrigin + performance.now(), what, bytes]);

function watchSockets() {
  const { write, emit } = net.Socket.prototype;
  net.Socket.prototype.write = function (data, ...rest) {
    note('write', data.length);
    return write.call(this, data, ...rest);
  };
  net.Socket.prototype.emit = function (event, data, ...rest) {
    if (event === 'data') note('read', data.length);
    return emit.call(this, event, data, ...rest);
  };
}

function watchSyncs() {
  const { fdatasync } = fs;
  fs.fdatasync = (fd, done) => {
    note('sync', 0);
    fdatasync(fd, (error) => {
      note('synced', 0);
      done(error);
    });
  };
  syncBuiltinESMExports();
}

const isTraced = process.argv[2] !== 'nameserver' && isMainThread && directory !== undefined;
if (isTraced) {
  watchSockets();
  watchSyncs();
}

/** Writes what was noted; a process that is not the producer does so when it ends. */
export const keepTrace = () => fs.writeFileSync(join(directory, `${role}.json`), JSON.stringify(events));
if (isTraced && role !== 'producer') process.once('exit', keepTrace);

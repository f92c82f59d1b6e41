// A cable between two networks on one machine: a port that passes on what comes to a server. While it is cut nothing comes
// through, in neither direction, and nobody is told; what was under way arrives when it is whole again.
import { connect, createServer } from 'node:net';
import { freePort } from './processes.mjs';

export class Cable {
  address;
  #to;
  #server;
  #isCut = false;
  #calls = new Set();

  /** @param to `host:port` of the server. @returns a cable that listens at a free port of its own. */
  static async to(to) {
    const cable = new Cable();
    const port = await freePort();
    cable.#to = to;
    cable.address = `127.0.0.1:${port}`;
    cable.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => cable.#accept(near));
    await new Promise((resolve, reject) => {
      cable.#server.once('error', reject);
      cable.#server.listen(port, '127.0.0.1', resolve);
    });
    return cable;
  }

  cut() {
    this.#isCut = true;
    for (const call of this.#calls) for (const socket of call.sockets) socket.pause();
  }

  heal() {
    this.#isCut = false;
    for (const call of this.#calls) this.#carry(call);
  }

  async close() {
    for (const call of this.#calls) this.#end(call);
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near) {
    const call = { sockets: [near], isOver: false };
    this.#calls.add(call);
    this.#watch(call, near);
    if (!this.#isCut) this.#carry(call);
  }

  /** Both ends hear what the other one has said, or that it is gone. */
  #carry(call) {
    if (call.isOver) return this.#end(call);
    if (call.sockets.length === 1) this.#dial(call);
    for (const socket of call.sockets) socket.resume();
  }

  #dial(call) {
    const [near] = call.sockets;
    const [host, port] = this.#to.split(':');
    const far = connect({ host, port: Number(port), allowHalfOpen: true });
    call.sockets.push(far);
    this.#watch(call, far);
    this.#pass(near, far);
    this.#pass(far, near);
  }

  #pass(from, to) {
    from.on('data', (bytes) => {
      if (!to.write(bytes)) from.pause();
    });
    from.on('end', () => to.end());
    to.on('drain', () => {
      if (!this.#isCut) from.resume();
    });
  }

  #watch(call, socket) {
    socket.setNoDelay(true);
    socket.on('error', () => {}); // 'close' follows
    socket.once('close', () => {
      call.isOver = true;
      if (!this.#isCut) this.#end(call);
    });
  }

  #end(call) {
    this.#calls.delete(call);
    for (const socket of call.sockets) socket.destroy();
  }
}

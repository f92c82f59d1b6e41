// Files in memory, each request done at once: the storage of a server that is fuzzed.
import { QanatError } from '../packages/core/src/errors.ts';

const FREE_BYTES = 2 ** 40;

export class Disk {
  #files = new Map();

  /** @returns what the request gives. @throws QanatError STORE_IO. */
  perform(request) {
    const { op, name } = request;
    const bytes = this.#files.get(name);
    if (bytes === undefined && ['append', 'read', 'sync', 'truncate'].includes(op))
      throw new QanatError('STORE_IO', `${op}: there is no ${name}`);
    switch (op) {
      case 'list':
        return [...this.#files].map(([file, content]) => ({ name: file, size: content.length }));
      case 'freeSpace':
        return FREE_BYTES;
      case 'create':
        return void this.#files.set(name, Buffer.alloc(0));
      case 'append':
        return void this.#files.set(name, Buffer.concat([bytes, ...request.parts]));
      case 'read':
        return new Uint8Array(bytes.subarray(request.position, request.position + request.length));
      case 'truncate':
        return void this.#files.set(name, bytes.subarray(0, request.size));
      case 'replace':
        return void this.#files.set(name, Buffer.from(request.bytes));
      case 'unlink':
        return void this.#files.delete(name);
      default:
        return undefined;
    }
  }
}

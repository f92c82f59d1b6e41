import type { Storage, StorageDone, StorageRequest } from './storage.ts';

/** Starts a request that an engine or task asks for; `done` gets what the port's method gives. */
export function startStorageRequest(storage: Storage, request: StorageRequest, done: StorageDone<unknown>): void {
  switch (request.op) {
    case 'append':
      return storage.append(request.name, request.parts, done as StorageDone<void>);
    case 'sync':
      return storage.sync(request.name, done as StorageDone<void>, request.beside);
    case 'read':
      return storage.read(request.name, request.position, request.length, done as StorageDone<Uint8Array>, request.into);
    case 'truncate':
      return storage.truncate(request.name, request.size, done as StorageDone<void>);
    case 'replace':
      return storage.replace(request.name, request.bytes, done as StorageDone<void>);
    case 'create':
    case 'unlink':
      return storage[request.op](request.name, done as StorageDone<void>);
    case 'list':
      return storage.list(done);
    case 'freeSpace':
      return storage.freeSpace(done as StorageDone<number>);
    case 'close':
      return storage.close(done as StorageDone<void>);
  }
}

export { openFileStorage } from './open-file-storage.ts';
export { openStoreToRead } from './read-only-storage.ts';

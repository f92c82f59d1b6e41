export { openFileStorage } from './open-file-storage.ts';

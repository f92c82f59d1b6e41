// Preloaded into a fuzzing process: sources are loaded with counters.
import { register } from 'node:module';

register('./loader.mjs', import.meta.url);

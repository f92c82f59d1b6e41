import { randomBytes } from 'node:crypto';

/** 53 random bits: the seed of an engine's generator. */
export const randomSeed = (): number => randomBytes(6).readUIntBE(0, 6) * 32 + ((randomBytes(1)[0] as number) & 31);

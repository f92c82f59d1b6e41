import { pbkdf2, randomBytes, randomInt } from 'node:crypto';
import { promisify } from 'node:util';
import { isPassword, QanatError, SCRAM_ITERATIONS, scramKeys, scramRecord, type UserRecord } from '@qanat/core';

const SALT_BYTES = 16;
const KEY_BYTES = 32;
const derive = promisify(pbkdf2);

/** What a credentials file keeps of a password. @throws QanatError BAD_CONFIG. */
export async function keysOfPassword(password: string): Promise<NonNullable<UserRecord['scram']>> {
  if (!isPassword(password))
    throw new QanatError('BAD_CONFIG', 'a password is 1 to 1024 printable ASCII characters', { outcome: 'not-sent' });
  const salt = randomBytes(SALT_BYTES);
  const salted = await derive(password, salt, SCRAM_ITERATIONS, KEY_BYTES, 'sha256');
  return scramRecord(scramKeys(salted, salt, SCRAM_ITERATIONS));
}

/** Without those that people mix up. */
const LETTERS = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const GENERATED_LENGTH = 24;

/** A password of about 140 random bits. */
export const generatedPassword = (): string =>
  Array.from({ length: GENERATED_LENGTH }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('');

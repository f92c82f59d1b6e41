import { AuthMechanism, Feature } from '@qanat/core';
import { hexOf, type JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { SERVERS } from '../connection/circumstances.ts';

/** Whom subjects are told to know. */
export const ANN = { name: 'ann', password: 'correct horse', roles: ['client'], permissions: ['all topic:*', 'all group:*'] };
export const BOB = { name: 'bob', password: 'battery staple', roles: ['client'], permissions: ['read topic:*'] };
export const ROOT = { name: 'root', password: 'of all evil', roles: ['admin'] };
/** He has no password, and may come with a certificate. */
export const CERT = { name: 'cert', roles: ['client'], permissions: ['all topic:*'], certificate: true };
/** He has neither. */
export const PLAIN = { name: 'plain', roles: ['client'], permissions: ['all topic:*'] };
export const USERS = [ANN, BOB, ROOT, CERT, PLAIN];

/** A connection that says in HELLO that it can log in, and has not yet. */
export const ASKED: Step = { op: 'open', hello: { features: [Feature.FEATURE_AUTH] } };
export const as = (user: string): Step => ({ op: 'open', as: user });
export const FENCE: Step = { op: 'fence' };
export const GONE: Step = { op: 'awaitClose' };
export const pass = (ms: number): Step => ({ op: 'pass', ms });

/** One AUTH with this text as it is. */
export const say = (text: string, more: JsonObject = {}): Step => ({
  op: 'request',
  frame: 'AUTH',
  header: { mechanism: AuthMechanism.SCRAM_SHA_256, data: { $hex: hexOf(new TextEncoder().encode(text)) } },
  ...more,
});

/** The same program for both servers. */
export const both = (name: string, steps: readonly Step[], parts: Partial<Program> = {}): readonly Program[] =>
  SERVERS.map((role) => ({
    family: 'authentication',
    name,
    role,
    setup: { users: USERS },
    needs: ['users'],
    steps,
    ...parts,
  }));

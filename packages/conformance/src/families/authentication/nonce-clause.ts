import { AuthMechanism } from '@qanat/core';
import type { Clause, Judge } from '../../clause/clause.ts';
import type { Ability, Role } from '../../driver/driver.ts';
import { authsOf } from '../../history/entry.ts';
import type { Side } from '../../history/event.ts';
import type { Exchange, FrameSeen, View } from '../../history/view.ts';
import { CLIENTS } from '../clients/roles.ts';
import { SERVERS } from '../connection/circumstances.ts';
import { readFirst, readServerFirst } from './scram-rules.ts';

/** A nonce of the subject. */
interface Nonce {
  readonly text: string;
  readonly at: FrameSeen;
}

const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes ?? new Uint8Array(0));

/** Of the first messages of an exchange, where they are such. */
function nonceIn({ header, response, answer, request }: Exchange, from: Side): readonly Nonce[] {
  if (header?.mechanism !== AuthMechanism.SCRAM_SHA_256) return [];
  const first = readFirst(textOf(header.data));
  if (typeof first === 'string') return [];
  if (request.from === from) return [{ text: first.nonce, at: request }];
  const whole = readServerFirst(textOf(answer?.data))?.nonce;
  if (response === undefined || whole === undefined || !whole.startsWith(first.nonce)) return [];
  return [{ text: whole.slice(first.nonce.length), at: response }];
}

const noncesOf = (view: View): readonly Nonce[] =>
  view.connections.flatMap((connection) => authsOf(connection).flatMap((one) => nonceIn(one, 'subject')));

/** Bits that a printable character other than a comma may have, and those that a nonce needs. */
const BITS_PER_CHARACTER = Math.log2(93);
const BITS = 128;

/** Whether somebody can guess it does not show; that it came before, or is too short to hold so much, does. */
const drawnAnew = (roles: readonly Role[], needs: readonly Ability[]): Clause => ({
  id: 'QNT-AUT-020',
  roles,
  needs,
  check(view, judge) {
    const seen = new Set<string>();
    for (const nonce of noncesOf(view)) {
      judgeNonce(nonce, seen, judge);
      seen.add(nonce.text);
    }
  },
});

export const NONCE_CLAUSES: readonly Clause[] = [drawnAnew(SERVERS, ['users']), drawnAnew(CLIENTS, ['credentials'])];

function judgeNonce({ text, at }: Nonce, seen: ReadonlySet<string>, judge: Judge): void {
  const bits = Math.floor(text.length * BITS_PER_CHARACTER);
  if (bits < BITS) judge.fail(at, `a nonce has at least ${BITS} bits, and ${JSON.stringify(text)} can hold no more than ${bits}`);
  else if (seen.has(text)) judge.fail(at, `a nonce is drawn anew for every exchange, and ${JSON.stringify(text)} came before`);
  else if (seen.size > 0) judge.pass(at);
}

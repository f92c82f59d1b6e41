import { decodeBase64, encodeBase64 } from '../wire/base64.ts';
import { utf8 } from '../wire/bytes.ts';
import {
  attributes,
  GS2_HEADER,
  isNonce,
  proofHolds,
  type ScramKeys,
  sameBytes,
  serverSignature,
  unescapeName,
} from './scram.ts';
import type { ServerSecurity } from './server-security.ts';

/** Both forms without channel binding: the client cannot bind, or believes that this server cannot. */
const GS2_HEADERS = [GS2_HEADER, 'y,,'] as const;

/** What a step came to: something to say, with the name of who has proved to be so; or nothing, which is a failure. */
export interface ScramStep {
  readonly data: Uint8Array;
  readonly user?: string;
}

/** What the first message said, and what was answered. */
interface Begun {
  readonly user: string;
  readonly keys: ScramKeys;
  readonly gs2: string;
  /** Both messages, as both sides have seen them. */
  readonly seen: string;
}

/** The server's side of one SCRAM exchange: two messages in, two out. */
export class ScramServer {
  readonly #security: ServerSecurity;
  readonly #nonce: string;
  #begun: Begun | undefined;
  #combined = '';

  constructor(security: ServerSecurity) {
    this.#security = security;
    this.#nonce = security.nonce();
  }

  /** The name that the client gave; empty before. */
  get user(): string {
    return this.#begun?.user ?? '';
  }

  /** @returns undefined when the exchange has failed: it is over. */
  step(message: string): ScramStep | undefined {
    return this.#begun === undefined ? this.#first(message) : this.#final(this.#begun, message);
  }

  #first(message: string): ScramStep | undefined {
    const gs2 = GS2_HEADERS.find((header) => message.startsWith(header));
    const bare = message.slice(GS2_HEADER.length);
    const [name, nonce] = attributes(bare, 'nr') ?? [];
    const user = name === undefined ? undefined : unescapeName(name);
    if (gs2 === undefined || user === undefined || nonce === undefined || !isNonce(nonce)) return undefined;
    const keys = this.#security.users.keysOf(user);
    this.#combined = nonce + this.#nonce;
    const answer = `r=${this.#combined},s=${encodeBase64(keys.salt)},i=${keys.iterations}`;
    this.#begun = { user, keys, gs2, seen: `${bare},${answer}` };
    return { data: utf8(answer) };
  }

  /** The nonce is compared whole: one that only begins like ours would let an old exchange be said again (CVE-2024-56128). */
  #final({ user, keys, gs2, seen }: Begun, message: string): ScramStep | undefined {
    const [channel, nonce, proofText] = attributes(message, 'crp') ?? [];
    const proof = decodeBase64(proofText ?? '');
    const honest = channel === encodeBase64(utf8(gs2)) && nonce === this.#combined;
    if (proof === undefined || !honest) return undefined;
    const transcript = `${seen},c=${channel},r=${nonce}`;
    // The password may have been changed since the first message.
    if (!sameBytes(this.#security.users.keysOf(user).storedKey, keys.storedKey) || !proofHolds(keys, transcript, proof))
      return undefined;
    return { data: utf8(`v=${encodeBase64(serverSignature(keys.serverKey, transcript))}`), user };
  }
}

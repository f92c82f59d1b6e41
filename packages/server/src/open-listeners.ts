// A listener beyond loopback is closed unless both sides know each other (spec, chapter of security).
import { type Endpoint, isSecure, parseHostPort, QanatError } from '@qanat/core';
import { formatListener } from './listeners.ts';
import type { Logger } from './logger.ts';

export interface Openness {
  /** Peers are asked who they are. */
  readonly authenticates: boolean;
  /** The operator takes what it means that a listener is open. */
  readonly insecure: boolean;
}

const isLoopback = ({ address }: Endpoint): boolean => {
  const { host } = parseHostPort(address, []);
  return /^localhost$|^::1$|^(::ffff:)?127(\.\d{1,3}){3}$/i.test(host);
};

/** The scheme that does the same over TLS. */
const SECURE_FORM: Readonly<Record<string, string>> = { ws: 'wss', mqtt: 'mqtts', 'mqtt+ws': 'mqtt+wss' };

const READABLE = 'its bytes can be read and changed on the way';
const ANYBODY = 'nobody is asked who he is: whoever reaches this address may read, write and administer everything';

/** Why a listener is open to others than those who may use it; undefined where it is not. */
function whyOpen(listener: Endpoint, authenticates: boolean): string | undefined {
  if (isLoopback(listener)) return undefined;
  if (!authenticates) return ANYBODY;
  return isSecure(listener.scheme) ? undefined : READABLE;
}

/** @throws QanatError BAD_CONFIG for a listener that is open although nobody said that it may be. */
export function refuseOpenListeners(listeners: readonly Endpoint[], { authenticates, insecure }: Openness): void {
  if (insecure) return;
  for (const listener of listeners) {
    const why = whyOpen(listener, authenticates);
    if (why === undefined) continue;
    throw new QanatError('BAD_CONFIG', `a listener at ${formatListener(listener)} is closed by default: ${why}`, {
      hint:
        `give it TLS (${SECURE_FORM[listener.scheme] ?? 'qanats'}://, --tls-cert, --tls-key) and users (--users FILE, made by qanat user add), ` +
        'or listen on 127.0.0.1, or say --insecure where the network is your own',
    });
  }
}

/** One line for each listener that is open because the operator said so. */
export function warnOfOpenListeners(log: Logger, listening: readonly Endpoint[], authenticates: boolean): void {
  for (const listener of listening) {
    const why = whyOpen(listener, authenticates);
    if (why === undefined) continue;
    const hint = 'keep it in a network of its own, or give it TLS and users';
    log('warn', 'listening beyond loopback', { endpoint: formatListener(listener), why, hint });
  }
}

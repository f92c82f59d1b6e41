// What people are told of a broker that a NameServer names and this client cannot connect to: mostly an address that holds in
// another network than theirs.
import { QanatError } from '../errors.ts';
import { DEFAULT_LISTENER, isSecure, schemeOf } from '../scheme.ts';
import type { Endpoint } from '../wire/gen/messages.ts';
import { addressOf } from './broker-directory.ts';
import type { KnownBroker } from './host.ts';

const listenerOf = ({ listener }: Endpoint): string => listener || DEFAULT_LISTENER;

/** Nobody answers where the routes say that the broker is, although a NameServer hears it. */
export function notReached(broker: KnownBroker, endpoint: Endpoint, cause: QanatError): QanatError {
  const listener = listenerOf(endpoint);
  const message =
    `broker ${broker.name} is advertised at ${addressOf(broker)} (listener ${listener}), and cannot be reached there: ` +
    `${cause.message}; this client came in over NameServer ${broker.nameServer}`;
  const advertise = `is the broker up? then start it with --advertise ${listener}=HOST:PORT that its clients reach`;
  return new QanatError(cause.code, message, { cause, hint: cause.code === 'TLS_FAILED' ? cause.hint : advertise });
}

/** None of its endpoints is for this client. */
export function noEndpoint(name: string, broker: KnownBroker | undefined, schemes: readonly string[]): QanatError {
  if (broker === undefined)
    return new QanatError('NO_BROKER', `broker ${name}: no route tells where it is`, { outcome: 'not-sent' });
  const tlsOnly = isSecure(schemeOf(broker.nameServer) ?? '');
  const spoken = tlsOnly ? schemes.filter(isSecure) : schemes;
  const offered = broker.offered.map((one) => `${one.scheme}://${one.address} (listener ${listenerOf(one)})`).join(', ');
  const why = tlsOnly ? ', since its NameServer is reached over TLS' : '';
  return new QanatError(
    'NO_BROKER',
    `broker ${name} offers ${offered || 'no endpoint'}; this client takes ${spoken.join(', ')}${why}`,
    { outcome: 'not-sent', hint: `give the broker a listener for its clients: --listen ${spoken[0]}://HOST:PORT` },
  );
}

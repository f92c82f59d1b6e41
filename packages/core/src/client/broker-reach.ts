// What people are told of a broker that a NameServer names and this client cannot connect to: mostly an address that holds in
// another network than theirs.
import { QanatError } from '../errors.ts';
import { DEFAULT_LISTENER, isSecure, schemeOf } from '../scheme.ts';
import type { Endpoint } from '../wire/gen/messages.ts';
import { addressOf } from './broker-directory.ts';
import type { KnownBroker } from './host.ts';

const listenerOf = ({ listener }: Endpoint): string => listener || DEFAULT_LISTENER;

/** What an operator does about a broker group without a master. */
const makeMaster = (name: string): string =>
  `"qanat cluster status" tells who was in sync: start its master again, or promote a slave: qanat broker promote ${name} ` +
  '--replica N; with etcd one is elected within seconds';

/** The broker is a group, and nobody is its master now. @param cause why the one that was is not reached. */
export function noMaster(broker: KnownBroker, cause?: QanatError): QanatError {
  const text = `broker ${broker.name} has no master, and takes no messages`;
  const hint = makeMaster(broker.name);
  if (cause === undefined) return new QanatError('NO_BROKER', text, { outcome: 'not-sent', hint });
  return new QanatError(cause.code, `${text}: the one that it had does not answer: ${cause.message}`, { cause, hint });
}

/** No broker of the cluster, or none that can be asked now, by their names. */
export function noneServes(names: readonly string[]): QanatError {
  if (names.length === 0) return new QanatError('NO_BROKER', 'no broker is registered', { outcome: 'not-sent' });
  const text = `no broker can be asked now: ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} away, or without a master`;
  return new QanatError('NO_BROKER', text, { outcome: 'not-sent', hint: makeMaster('NAME') });
}

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
  if (broker.offered.length === 0 && broker.slaves.length > 0) return noMaster(broker);
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

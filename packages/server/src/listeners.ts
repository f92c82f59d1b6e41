// Where a server listens, for whom, and what others are told of it: the texts of `--listen`, `--advertise` and `--ws-origin`.
import { networkInterfaces } from 'node:os';
import {
  DEFAULT_LISTENER,
  type Endpoint,
  formatHostPort,
  LIMITS,
  nameError,
  parseHostPort,
  QanatError,
  schemeOf,
} from '@qanat/core';

/** The scheme of an address that has none. */
const PLAIN_SCHEME = 'qanat';

const itemsOf = (text: string | readonly string[]): readonly string[] =>
  (typeof text === 'string' ? [text] : text).flatMap((item) => item.split(',')).map((item) => item.trim());

const badConfig = (message: string, hint: string): QanatError => new QanatError('BAD_CONFIG', message, { hint });

/** `[name=]rest`, with the name checked. @throws QanatError BAD_CONFIG. */
function splitName(item: string): { readonly listener: string; readonly rest: string } {
  const at = item.indexOf('=');
  if (at < 0) return { listener: DEFAULT_LISTENER, rest: item };
  const listener = item.slice(0, at);
  const error = nameError(listener, LIMITS.LABEL_BYTES_MAX);
  if (error !== undefined)
    throw badConfig(`"${item}" does not begin with the name of a listener: ${error}`, 'write name=host:port');
  return { listener, rest: item.slice(at + 1) };
}

/**
 * Reads `[name=][scheme://]host:port`, one or several with commas between them, or a list of these. Without a name a listener is
 * `default`, without a scheme it speaks the first of `schemes`.
 *
 * @param schemes that this server serves.
 * @returns at least one, at most ENDPOINTS_PER_BROKER_MAX, each once.
 * @throws QanatError BAD_CONFIG.
 */
export function parseListeners(listen: string | readonly string[], schemes: readonly string[]): readonly Endpoint[] {
  const listeners = itemsOf(listen).map((item): Endpoint => {
    const { listener, rest } = splitName(item);
    return { listener, scheme: schemeOf(rest) ?? (schemes[0] as string), address: formatHostPort(parseHostPort(rest, schemes)) };
  });
  if (listeners.length === 0) throw badConfig('there is no address to listen at', 'write host:port');
  if (listeners.length > LIMITS.ENDPOINTS_PER_BROKER_MAX)
    throw badConfig(
      `${listeners.length} listeners are more than ${LIMITS.ENDPOINTS_PER_BROKER_MAX} (ENDPOINTS_PER_BROKER_MAX)`,
      'listen at all addresses of the machine with 0.0.0.0',
    );
  return listeners;
}

/** An origin as browsers send it (RFC 6454, 6.1), with a host whose every port may be meant. */
const ORIGIN = /^(?:null|[a-z][a-z0-9+.-]*:\/\/[^\s/:*]+(?::\d+|:\*)?|[a-z][a-z0-9+.-]*:\/\/\[[0-9a-f:.]+\](?::\d+|:\*)?)$/;

/** Reads the origins of web pages. @throws QanatError BAD_CONFIG. */
export function parseOrigins(text: string | readonly string[]): readonly string[] | '*' {
  const origins = itemsOf(text);
  if (origins.includes('*')) return '*';
  const wrong = origins.find((origin) => !ORIGIN.test(origin));
  if (wrong === undefined) return origins;
  throw badConfig(`"${wrong}" is no origin of web pages`, 'write https://app.example, http://localhost:* or *');
}

/** As `parseListeners` reads it; what is understood without being said is left out. */
export function formatListener({ listener, scheme, address }: Endpoint): string {
  const name = listener === DEFAULT_LISTENER ? '' : `${listener}=`;
  return `${name}${dialled({ scheme, address })}`;
}

/** As clients dial it: a URL, or bare where it is one of the scheme that needs no saying. */
export const dialled = ({ scheme, address }: Pick<Endpoint, 'scheme' | 'address'>): string =>
  scheme === PLAIN_SCHEME ? address : `${scheme}://${address}`;

/** What is told in the place of the address of a listener. */
export type Advertised = (listening: Endpoint) => string | undefined;

/**
 * Reads what others are told of listeners: `[name=][scheme://]host:port`, as a list too. The scheme is needed where the listeners
 * of that name have several.
 *
 * @throws QanatError BAD_CONFIG where no listener, or more than one scheme, has that name.
 */
export function parseAdvertised(advertise: string | readonly string[], listeners: readonly Endpoint[]): Advertised {
  const told = new Map<string, string>();
  for (const item of itemsOf(advertise)) {
    const { listener, rest } = splitName(item);
    const schemes = new Set(listeners.filter((one) => one.listener === listener).map((one) => one.scheme));
    const said = schemeOf(rest);
    if (schemes.size === 0 || (said !== undefined && !schemes.has(said)))
      throw badConfig(
        `"${item}" is advertised for a listener that does not exist`,
        `the listeners are ${listeners.map(formatListener).join(', ')}`,
      );
    const [only, ...others] = schemes;
    if (said === undefined && others.length > 0)
      throw badConfig(`"${item}" could be advertised for ${[...schemes].join(' and ')}`, `write ${listener}=${only}://host:port`);
    told.set(`${listener} ${said ?? only}`, formatHostPort(parseHostPort(rest, [...schemes])));
  }
  return ({ listener, scheme }) => told.get(`${listener} ${scheme}`);
}

/** What clients are told of each listener. */
export const endpointsToTell = (listening: readonly Endpoint[], advertised: Advertised): readonly Endpoint[] =>
  listening.map((one) => ({ ...one, address: advertised(one) ?? reachableAddress(one.address) }));

/** The address itself, or, where it stands for all of this machine, the first one that others can reach. */
function reachableAddress(listening: string): string {
  const { host, port } = parseHostPort(listening, []);
  if (host !== '0.0.0.0' && host !== '::') return listening;
  const outer = Object.values(networkInterfaces())
    .flat()
    .find((address) => address !== undefined && !address.internal && address.family === 'IPv4');
  return `${outer?.address ?? '127.0.0.1'}:${port}`;
}

import { QanatError } from './errors.ts';
import { formatHostPort, parseHostPort } from './host-port.ts';
import { schemeOf } from './scheme.ts';

/** Where a NameServer listens unless it is told otherwise (spec, chapters of bindings). */
const NAME_SERVER_PORTS: Readonly<Record<string, number>> = { qanat: 7_600, qanats: 7_600, ws: 7_680, wss: 7_680 };

/**
 * Reads the addresses of NameServers: `qanats://a:7600,b:7600`, `a:7600,b`, `qanat://a,ws://b`, or a list of these. A scheme
 * holds for those behind it too, until another one is named; the port is that of the scheme where none is given.
 *
 * @param schemes that the client's transports serve; the first is that of an address without one.
 * @returns addresses with a port, and with a scheme where one was named.
 * @throws QanatError BAD_CONFIG.
 */
export function parseNameServers(servers: string | readonly string[], schemes: readonly string[]): readonly string[] {
  const lists = typeof servers === 'string' ? [servers] : servers;
  const addresses = lists.flatMap((list) => parseList(list, schemes));
  if (addresses.length === 0) throw new QanatError('BAD_CONFIG', 'no NameServer is named', { hint: hintOf(schemes) });
  return addresses;
}

function parseList(list: string, schemes: readonly string[]): readonly string[] {
  let scheme: string | undefined;
  return list.split(',').map((item) => {
    const text = item.trim().replace(/\/$/, '');
    scheme = schemeOf(text) ?? scheme;
    const bare = text.replace(/^[^:/]*:\/\//, '');
    if (scheme !== undefined && !schemes.includes(scheme))
      throw new QanatError('BAD_CONFIG', `NameServer "${text}": the scheme ${scheme} is none of ${schemes.join(', ')}`, {
        hint: hintOf(schemes),
      });
    const address = parseAddress(withPort(bare, scheme ?? schemes[0] ?? ''), schemes);
    return scheme === undefined ? address : `${scheme}://${address}`;
  });
}

const withPort = (address: string, scheme: string): string =>
  /:\d+$/.test(address) || NAME_SERVER_PORTS[scheme] === undefined ? address : `${address}:${NAME_SERVER_PORTS[scheme]}`;

function parseAddress(address: string, schemes: readonly string[]): string {
  try {
    return formatHostPort(parseHostPort(address, []));
  } catch (cause) {
    throw new QanatError('BAD_CONFIG', `"${address}" is no address of a NameServer`, { cause, hint: hintOf(schemes) });
  }
}

const hintOf = (schemes: readonly string[]): string =>
  `write host:port,host:port or ${schemes.map((scheme) => `${scheme}://host:port`).join(', ')}`;

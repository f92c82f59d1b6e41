import { schemeOf } from '../../scheme.ts';
import type { Endpoint } from '../../wire/gen/messages.ts';

/**
 * Where a slave dials its master: an endpoint of the kind that it dials its NameServers by, or else the first one. A NameServer
 * tells the endpoints of the listener that it was asked on, where there are such.
 */
export function masterAddress(endpoints: readonly Endpoint[], nameServers: readonly string[]): string | undefined {
  const scheme = schemeOf(nameServers[0] ?? '');
  const endpoint = endpoints.find((one) => one.scheme === scheme) ?? endpoints[0];
  return endpoint === undefined ? undefined : `${endpoint.scheme}://${endpoint.address}`;
}

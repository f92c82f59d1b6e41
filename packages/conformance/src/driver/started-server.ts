import { SCHEMES } from '../ground/ground.ts';
import { isObject, type Json } from '../json.ts';

/** An address without a scheme is never one of these. */
const WEB_SOCKET = SCHEMES.websocket;

type Known = { readonly address: string; readonly why?: never };
type Unknown = { readonly address?: never; readonly why: string };

/**
 * Reads the answer to `start`: `endpoints`, an address for each scheme that was asked for, or `address`, which is that of a
 * server without WebSocket. @returns where it listens for a scheme, or why that is not known.
 */
export function endpointIn(ok: Json, scheme: string): Known | Unknown {
  if (!isObject(ok)) return { why: 'its answer is no object' };
  const { endpoints, address } = ok;
  const told = (isObject(endpoints) ? endpoints[scheme] : undefined) ?? (scheme === WEB_SOCKET ? undefined : address);
  if (told === undefined)
    return { why: scheme === WEB_SOCKET ? `it told no "endpoints" with "${scheme}"` : 'it told no "address"' };
  if (typeof told !== 'string' || !/^.+:\d+$/.test(told))
    return { why: `it told the address ${JSON.stringify(told)}, which is no host:port` };
  return { address: told };
}

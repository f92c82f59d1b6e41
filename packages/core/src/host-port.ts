import { QanatError } from './errors.ts';

export interface HostPort {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Scheme, then an IPv6 address with its zone or a name, then the port. */
const FORM = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(?:\[([0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:%[\w.~-]+)?)\]|([^\s:/[\]]+)):(\d{1,5})\/?$/;
const PORT_MAX = 65_535;

/**
 * Reads `host:port`, `[v6]:port` or a URL with one of `schemes`; without schemes only the former two.
 * @throws QanatError BAD_CONFIG for anything else.
 */
export function parseHostPort(address: string, schemes: readonly string[]): HostPort {
  const [, scheme, v6, name, digits] = FORM.exec(address) ?? [];
  const host = v6 ?? name;
  const port = Number(digits);
  if (host === undefined || port > PORT_MAX) {
    throw new QanatError('BAD_CONFIG', `the address "${address}" is not host:port`, {
      hint: 'write host:port, [v6]:port or a URL with a port',
    });
  }
  if (scheme !== undefined && !schemes.includes(scheme)) {
    const served = schemes.length === 0 ? 'none belongs here' : `this transport serves ${schemes.join(', ')}`;
    throw new QanatError('BAD_CONFIG', `the address "${address}" has the scheme "${scheme}"; ${served}`);
  }
  return { host, port };
}

/** `host:port`, with brackets around a host that has colons. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The host of a peer's address `host:port`. */
export const hostOf = (remote: string): string => remote.slice(0, Math.max(0, remote.lastIndexOf(':')));

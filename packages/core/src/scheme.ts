/** The listener that is meant where none is named. */
export const DEFAULT_LISTENER = 'default';

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//;

/** The scheme of an address: `qanats` of `qanats://a:7600`. Undefined for a bare `host:port`. */
export const schemeOf = (address: string): string | undefined => SCHEME.exec(address)?.[1];

const SECURE: ReadonlySet<string> = new Set(['qanats', 'wss', 'mqtts', 'mqtt+wss']);

/** Whether TLS protects what goes over addresses of this scheme. */
export const isSecure = (scheme: string): boolean => SECURE.has(scheme);

/** Of chapter 20: what nobody outside a server can observe. */
export const WEBSOCKET_SERVER_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-WSK-021': 'what a server takes an end for it tells its owner: its peer sees the same end in both cases',
};

/** And what nobody outside a client can. */
export const WEBSOCKET_CLIENT_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-WSK-014': 'grants a freedom: a client that takes such a message and one that ends the connection are both right',
};

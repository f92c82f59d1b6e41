import type { Endpoint, Transport } from '@qanat/core';
import type { InProcessNetwork } from '@qanat/transports/memory';
import { networkTransports } from '@qanat/transports/network';
import { type ClientCertificates, TLS_HANDSHAKES_MAX, type TlsFiles, TlsMaterial, type TlsSettings } from '@qanat/transports/tls';
import { formatListener, parseListeners, parseOrigins } from './listeners.ts';
import type { Logger } from './logger.ts';
import { refuseOpenListeners, warnOfOpenListeners } from './open-listeners.ts';
import { refusalLog } from './refusals.ts';

/** Of every server: where it listens, and how it speaks there. */
export interface ListeningOptions {
  /**
   * Where it listens: `[name=][scheme://]host:port`, several with commas between them or as a list. Port 0 picks a free one.
   * Default name `default`, default scheme `qanat`.
   */
  readonly listen: string | readonly string[];
  /**
   * The credentials file: the server asks who its clients are, and checks what they may do. It is read again when it changes.
   * Default: nobody is asked.
   */
  readonly users?: string | undefined;
  /** For listeners with TLS (`qanats`), and for NameServers that are dialled with it. Read again when the files change. */
  readonly tls?: TlsFiles & {
    /** Whether clients are asked for certificates of the CA in `ca`. Default `none`. */
    readonly clientCertificates?: ClientCertificates | undefined;
  };
  /**
   * Web pages that may connect over WebSocket, by their origin: `https://app.example`, `http://localhost:*`, `*` for every one,
   * several with commas between them or as a list. Default: none; who is no browser has no origin.
   */
  readonly origins?: string | readonly string[] | undefined;
  /**
   * Takes listeners beyond loopback that lack TLS, or whose peers are not known by `users`; each is told in a warning. Default
   * false: they are refused.
   */
  readonly insecure?: boolean | undefined;
  /** Servers and clients of this process that have the same one reach each other without sockets. Default: none. */
  readonly inProcess?: InProcessNetwork | undefined;
}

/** The network as one server has it. */
export interface ServerNetwork {
  readonly transports: readonly Transport[];
  readonly schemes: readonly string[];
  readonly listeners: readonly Endpoint[];
  /** Tells the operator where the server listens now. @param told what clients are told of each. */
  logListening(listening: readonly Endpoint[], told?: readonly Endpoint[]): void;
  /** Reads the files of TLS now. */
  reload(): void;
}

const HANDSHAKES_LEAST = 16;

/**
 * @param connectionsMax bounds the handshakes too: a small server has few files to open.
 * @throws QanatError BAD_CONFIG.
 */
export function serverNetwork(options: ListeningOptions, connectionsMax: number, log: Logger): ServerNetwork {
  const { listen, insecure = false } = options;
  const tls = tlsSettings(options, connectionsMax, log);
  const transports = networkTransports({
    tls,
    origins: parseOrigins(options.origins ?? []),
    onRefused: refusalLog(log),
    inProcess: options.inProcess,
  });
  const schemes = transports.flatMap((transport) => transport.schemes);
  const listeners = parseListeners(listen, schemes);
  const authenticates = options.users !== undefined;
  refuseOpenListeners(listeners, { authenticates, insecure });
  return {
    transports,
    schemes,
    listeners,
    reload: () => tls.material.reload(),
    logListening: (listening, told) => {
      listening.forEach((one, i) => {
        log('info', 'listening', { endpoint: formatListener(one), advertised: told?.[i]?.address });
      });
      warnOfOpenListeners(log, listening, authenticates);
    },
  };
}

/** How a server speaks TLS, by its files. What becomes of them is logged. */
export function tlsSettings({ tls = {} }: Pick<ListeningOptions, 'tls'>, connectionsMax: number, log: Logger): TlsSettings {
  const material = new TlsMaterial(tls, {
    onRenewed: (until) => log('info', 'tls.renewed', { cert: tls.cert, until }),
    onBroken: (error) => log('error', 'tls.kept', { why: `the new files are not used: ${error.message}`, hint: error.hint }),
  });
  logCertificate(material, tls.cert, log);
  const handshakesMax = Math.max(HANDSHAKES_LEAST, Math.min(TLS_HANDSHAKES_MAX, connectionsMax >> 4));
  return { material, clientCertificates: tls.clientCertificates ?? 'none', handshakesMax };
}

function logCertificate({ until }: TlsMaterial, cert: string | undefined, log: Logger): void {
  if (until === undefined) return;
  const expired = Date.parse(until) < Date.now();
  log(expired ? 'warn' : 'info', expired ? 'tls.expired' : 'tls.certificate', { cert, until });
}

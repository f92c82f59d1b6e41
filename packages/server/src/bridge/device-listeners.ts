import { type Endpoint, isSecure, type Listener } from '@qanat/core';
import { listenForStreams, type StreamOwner } from '@qanat/transports/streams';
import type { OnRefused, TlsSettings } from '@qanat/transports/tls';
import type { Origins } from '@qanat/transports/websocket';

/** MQTT over TCP and TLS; over WebSocket, which brokers of Qanat speak too, the scheme says whose. */
export const MQTT_SCHEMES: readonly string[] = ['mqtt', 'mqtts', 'mqtt+ws', 'mqtt+wss'];
/** The name of MQTT among the subprotocols of WebSocket [MQTT-6.0.0-3]. */
const SUBPROTOCOL = 'mqtt';

export interface DeviceListenerOptions {
  readonly owner: StreamOwner;
  readonly tls: TlsSettings;
  readonly origins: Origins;
  readonly onRefused: OnRefused;
}

/** The open listeners of a bridge. */
export class DeviceListeners {
  readonly #listeners: Listener[] = [];

  /** Listens everywhere, or nowhere. @returns the listeners with their real addresses. @throws QanatError BAD_CONFIG. */
  async open(listeners: readonly Endpoint[], options: DeviceListenerOptions): Promise<readonly Endpoint[]> {
    const listening: Endpoint[] = [];
    try {
      for (const one of listeners) listening.push({ ...one, address: await this.#open(one, options) });
      return listening;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Takes no more devices; those that are there stay. */
  async close(): Promise<void> {
    const closing = this.#listeners.splice(0).map((listener) => new Promise<void>((resolve) => listener.close(resolve)));
    await Promise.all(closing);
  }

  async #open({ scheme, address }: Endpoint, { owner, tls, origins, onRefused }: DeviceListenerOptions): Promise<string> {
    const web = scheme.startsWith('mqtt+');
    const listener = await listenForStreams(address, {
      owner,
      onRefused,
      ...(isSecure(scheme) ? { tls, scheme: web ? 'mqtt+wss' : 'mqtts' } : {}),
      ...(web ? { subprotocol: SUBPROTOCOL, origins } : {}),
    });
    this.#listeners.push(listener);
    return listener.address;
  }
}

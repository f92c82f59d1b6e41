import type { EngineHost } from '../context.ts';
import type { QanatError } from '../errors.ts';
import type { Login } from '../security/login.ts';
import type { Routes } from '../wire/gen/messages.ts';
import { type Greeting, ServerLink } from './server-link.ts';

/** What a link tells the parts that use it. */
export interface NameServerLinkEvents {
  onOpen(link: NameServerLink): void;
  /** ROUTE_UPDATE, whole. */
  onRoutes(link: NameServerLink, pages: readonly Routes[]): void;
  /** The connection is gone, or could not be made; another attempt follows. */
  onClosed(link: NameServerLink, error: QanatError | undefined): void;
}

/** One connection to one NameServer, made again with back-off whenever it is lost. */
export class NameServerLink extends ServerLink {
  constructor(host: EngineHost, address: string, greeting: Greeting, login: Login | undefined, events: NameServerLinkEvents) {
    super(host, address, greeting, login, {
      onOpen: () => events.onOpen(this),
      onPush: (name, headers) => {
        if (name === 'ROUTE_UPDATE') events.onRoutes(this, headers as readonly Routes[]);
      },
      onClosed: (error) => events.onClosed(this, error),
    });
  }
}

import type { Role } from '../driver/driver.ts';
import type { HistoryEvent } from '../history/event.ts';
import { View } from '../history/view.ts';

/**
 * Whether a history shows that the subject does the work of its role at all. Without any such history nothing else is
 * counted: what answers everything, or nothing, keeps many rules by accident.
 */
const SIGNS: Readonly<Record<Role, (view: View) => boolean>> = {
  nameserver: (view) =>
    view
      .requests('ROUTE_QUERY', 'kit')
      .some(({ answer }) => answer?.routes.some((route: { shares: unknown[] }) => route.shares.length > 0)),
  broker: (view) =>
    view.requests('SEND', 'kit').some(({ answer }) => answer !== undefined) &&
    view.requests('PULL', 'kit').some(({ answer, payload }) => answer !== undefined && payload.length > 0),
  producer: (view) =>
    view.requests('SEND', 'subject').length > 0 &&
    view.calls('send').some(({ result }) => result !== undefined && result.error === undefined),
  consumer: (view) => view.requests('PULL', 'subject').length > 0 && view.told('delivered').length > 0,
  codec: () => true,
};

/** What one program that shows it does, for people. */
export const VITAL_SIGNS: Readonly<Record<Role, string>> = {
  nameserver: 'a broker was registered and a route named it',
  broker: 'a batch was stored and read back',
  producer: 'a message was sent and acknowledged',
  consumer: 'a message was pulled and delivered',
  codec: 'it answered',
};

export const showsLife = (role: Role, events: readonly HistoryEvent[]): boolean => SIGNS[role](new View(events, 0));

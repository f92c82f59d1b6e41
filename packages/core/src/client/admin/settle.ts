import type { ClientHost } from '../host.ts';
import { type ConnectionHost, queryNameServer } from '../name-server-query.ts';
import { readRoutes } from '../routes-answer.ts';

const POLL_MS = 20;
/** The change itself is done: it is not waited for longer than this until the NameServers tell of it. */
const SETTLE_MS = 2_000;

/** Whether the queues by broker, undefined where the topic is missing, are what they shall be. */
export type Settled = (shares: ReadonlyMap<string, number> | undefined) => boolean;

/**
 * Brokers tell the NameServers of a change a moment after they made it. Waits until every NameServer that answers says so too,
 * so that whoever asks next, and wherever, sees it.
 */
export function settleTopic(
  host: ClientHost & ConnectionHost,
  topic: string,
  timeoutMs: number,
  isDone: Settled,
  done: () => void,
): void {
  const { engine, settings } = host;
  const untilMs = engine.nowMs() + Math.min(timeoutMs, SETTLE_MS);
  let open = settings.nameServers.length;
  const end = (): void => {
    if (open <= 0) return;
    open = 0;
    timer.cancel();
    done();
  };
  const timer = engine.timers.at(untilMs, end);
  const ask = (address: string): void => {
    queryNameServer(host, address, { topics: [topic] }, (error, pages) => {
      const answer = readRoutes(pages).topics.get(topic);
      if (error === undefined && !isDone(answer?.verdict === 'found' ? answer.shares : undefined)) {
        if (open > 0 && engine.nowMs() < untilMs) engine.timers.at(engine.nowMs() + POLL_MS, () => open > 0 && ask(address));
      } else if (open === 1) end();
      else open--;
    });
  };
  for (const address of settings.nameServers) ask(address);
}

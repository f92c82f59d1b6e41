import type { Driver, Manifest, Role } from '../driver/driver.ts';
import type { SocketBinding } from '../ground/ground.ts';
import { groundOver } from '../ground/ground-over.ts';
import type { History } from '../history/history.ts';
import type { Program } from '../play/program.ts';
import type { Login } from '../users/user.ts';
import { runProgram, type Site } from './run-program.ts';
import { runToken } from './run-token.ts';
import { topicsMade } from './topics-made.ts';

/** A server that runs already. */
export interface EndpointSite extends Site {
  readonly manifest: Manifest;
  /** Removes the topics that were made for programs. */
  cleanUp(): Promise<void>;
}

export interface EndpointOptions {
  /** Default `tcp`. */
  readonly binding?: SocketBinding | undefined;
  /** Who the kit is there, where the server asks. */
  readonly login?: Login | undefined;
}

/** A server that runs already, known by its address only: it is neither started nor stopped. */
export function endpointSite(role: Role, address: string, { binding = 'tcp', login }: EndpointOptions = {}): EndpointSite {
  const manifest: Manifest = { name: address, version: 'unknown', roles: [role], abilities: [] };
  const driver: Driver = {
    manifest,
    call: (op, _, done) => done({ kind: 'unsupported', text: `${op}: a server by its address has no driver` }, null),
    onTold: () => {},
    close: async () => {},
  };
  let programs = 0;
  const run = runToken();
  const topics = new Set<string>();
  /** Of programs that are under way: what is broken off is not released in time. */
  const live = new Set<History>();
  const take = ({ events }: History): void => {
    for (const topic of topicsMade(events)) topics.add(topic);
  };
  const site: Site = {
    role,
    timing: 'real',
    binding,
    login,
    prepare: async (_program, historyOf) => {
      const ground = groundOver(binding);
      const history = historyOf(ground);
      live.add(history);
      const token = `-${run}-${(++programs).toString(36)}`;
      const release = async (): Promise<void> => {
        take(history);
        live.delete(history);
      };
      return { ground, history, driver, address, token, release };
    },
  };
  const cleanUp = async (): Promise<void> => {
    live.forEach(take);
    if (topics.size > 0) await runProgram(site, removalOf(role, [...topics]), []);
  };
  return { ...site, manifest, cleanUp };
}

const removalOf = (role: Role, topics: readonly string[]): Program => ({
  family: '',
  role,
  steps: [{ op: 'open' }, ...topics.map((topic) => ({ op: 'request', frame: 'TOPIC_REMOVE', header: { topic } }))],
});

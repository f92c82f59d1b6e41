import type { Driver, Manifest, Role } from '../driver/driver.ts';
import { TcpGround } from '../ground/tcp-ground.ts';
import type { Site } from './run-program.ts';
import { runToken } from './run-token.ts';

/** A server that runs already, known by its address only: it is neither started nor stopped. */
export function endpointSite(role: Role, address: string): Site & { readonly manifest: Manifest } {
  const manifest: Manifest = { name: address, version: 'unknown', roles: [role], abilities: [] };
  const driver: Driver = {
    manifest,
    call: (op, _, done) => done({ kind: 'unsupported', text: `${op}: a server by its address has no driver` }, null),
    onTold: () => {},
    close: async () => {},
  };
  let programs = 0;
  const run = runToken();
  return {
    role,
    timing: 'real',
    binding: 'tcp',
    manifest,
    prepare: async (_program, historyOf) => {
      const ground = new TcpGround();
      return {
        ground,
        history: historyOf(ground),
        driver,
        address,
        token: `-${run}-${(++programs).toString(36)}`,
        release: async () => {},
      };
    },
  };
}

import { Buffer } from 'node:buffer';
import { scramKeys } from '../../packages/core/src/security/scram.ts';
import { ScramClient } from '../../packages/core/src/security/scram-client.ts';
import { ScramServer } from '../../packages/core/src/security/scram-server.ts';
import { bytesOf, must, refusing, textOf } from './rules.mjs';

/** Of a password that nobody knows. */
const KEYS = scramKeys(new Uint8Array(32).fill(7), new Uint8Array(16).fill(1), 4096);
const SECURITY = { users: { keysOf: () => KEYS }, nonce: () => 'server' };
const NEW_LINE = '\n';

/** Both sides of a login, of which the peer is played by the input: its messages, a line each. */
export default {
  seeds: () =>
    [
      'n,,n=ann,r=client',
      'y,,n=a=2Cb,r=client\nc=eSws,r=clientserver,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      'n,,n=ann,r=client\nc=biws,r=clientserver,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      'r=mineyours,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096\nv=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    ].map(bytesOf),
  words: ['n,,', 'y,,', 'p=', 'm=', 'r=client', 'c=biws', 's=', 'i=4096', 'v=', '=2C', '=3D', ',', NEW_LINE].map(bytesOf),
  run(input) {
    const [first = '', second = ''] = textOf(input).split(NEW_LINE);
    const server = new ScramServer(SECURITY);
    if (server.step(first) !== undefined)
      must(server.step(second)?.user === undefined, 'in without the password:', first, second);
    const client = new ScramClient('ann', 'secret', 'mine');
    const request = refusing(['AUTH_FAILED'], () => client.serverFirst(first));
    if (request === undefined) return;
    must(request.iterations >= 4096 && request.iterations <= 1_000_000, 'rounds:', request.iterations);
    must(Buffer.from(client.final(new Uint8Array(32))).length < 4096 + input.length, 'a long answer');
    must(
      refusing(['AUTH_FAILED'], () => client.serverFinal(second) ?? true) === undefined,
      'a server without the password is trusted',
    );
  },
};

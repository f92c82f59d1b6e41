import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/driver/driver.ts';
import { View } from '../../src/history/view.ts';
import type { Step } from '../../src/play/program.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { runProgram } from '../../src/run/run-program.ts';

const ANN = { name: 'ann', password: 'secret', roles: ['client'], permissions: ['all topic:*', 'all group:*'] };
const ROOT = { name: 'root', roles: ['admin'], certificate: true };

/** What a program shows. @throws what kept it from being played. */
async function viewOf(role: Role, steps: readonly Step[], setup = {}): Promise<View> {
  const program = { family: '', role, steps, setup: { users: [ANN, ROOT], ...setup } };
  const { events, harness, senseless, slackMs } = await runProgram(inProcessSite({ role }), program, []);
  expect([harness, ...senseless]).toEqual([undefined]);
  return new View(events, slackMs);
}

/** How the AUTH requests were answered, one after the other. */
const loginsIn = (view: View): unknown[] =>
  view.requests('AUTH').map(({ code, answer }) => code ?? (answer?.done === true ? answer.principal : 'goes on'));

describe.each(['nameserver', 'broker'] as const)('a %s that is told its users', (role) => {
  it('lets the kit in as one of them, by password or certificate', async () => {
    const view = await viewOf(role, [
      { op: 'open', as: 'ann' },
      { op: 'open', hello: { features: [1] }, certificate: ['root'] },
      { op: 'request', frame: 'AUTH', header: { mechanism: 2 } },
    ]);
    expect(loginsIn(view)).toEqual(['goes on', 'ann', 'root']);
  });

  it('refuses a wrong password, and what is said otherwise than it should be', async () => {
    const view = await viewOf(role, [
      { op: 'open', hello: { features: [1] } },
      { op: 'login', user: 'ann', password: 'wrong' },
      { op: 'open', hello: { features: [1] } },
      { op: 'login', user: 'ann', twist: { finalNonce: '$x' } },
    ]);
    expect(loginsIn(view)).toEqual(['goes on', 'AUTH_FAILED', 'goes on', 'AUTH_FAILED']);
  });

  it('hears of others while it runs', async () => {
    const view = await viewOf(role, [
      { op: 'open', as: 'ann' },
      { op: 'users', users: [{ ...ANN, password: 'another' }] },
      { op: 'awaitClose' },
      { op: 'open', as: 'ann' },
      { op: 'users', users: [{ ...ANN, name: '' }] },
      { op: 'fence' },
    ]);
    expect(loginsIn(view)).toEqual(['goes on', 'ann', 'goes on', 'ann']);
    expect(view.connections[0]?.goAways.map(({ code }) => code)).toEqual(['UNAUTHENTICATED']);
    expect(view.calls('users').map(({ result }) => result?.error?.kind)).toEqual([undefined, 'invalid']);
    expect(view.requests('PING')[0]?.response).toBeDefined();
  });
});

it('the kit can be a cluster that asks: a producer and a consumer log in there', async () => {
  const setup = { topics: [{ topic: 'orders', queues: 1 }], brokers: 1 };
  const credentials = { user: 'ann', password: 'secret' };
  const produced = await viewOf('producer', [{ op: 'start', client: 'p', credentials }, { op: 'send' }], setup);
  expect(produced.calls('send')[0]?.result?.error).toBeUndefined();
  const subscriptions = [{ topic: '~orders' }];
  const consumed = await viewOf(
    'consumer',
    [
      { op: 'start', client: 'c', credentials, group: 'g', subscriptions, from: 'first' },
      { op: 'publish' },
      { op: 'awaitDelivered', withinMs: 5_000 },
    ],
    setup,
  );
  expect(consumed.told('delivered')).toHaveLength(1);
  const refused = await viewOf(
    'producer',
    [
      { op: 'start', client: 'p' },
      { op: 'send', timeoutMs: 2_000 },
    ],
    setup,
  );
  expect(refused.requests('HELLO')[0]?.code).toBe('UNAUTHENTICATED');
});

it('a broker logs in at the NameServers of the kit', async () => {
  const credentials = { user: 'subject', password: 'me' };
  const users = [{ name: 'subject', password: 'me', roles: ['broker'] }];
  const view = await viewOf('broker', [{ op: 'pass', ms: 200 }], { kit: { nameServers: 1, users }, credentials });
  expect(view.requests('REGISTER_BROKER', 'subject')[0]?.code).toBeUndefined();
  expect(view.requests('REGISTER_BROKER', 'subject')[0]?.answer).toBeDefined();
});

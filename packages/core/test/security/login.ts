import { AuthMechanism, Feature, ScramClient, type UserTable, utf8 } from '../../src/index.ts';
import type { Answer, BrokerWorld, TestClient } from '../broker/broker-world.ts';
import { runningBroker } from '../broker/broker-world.ts';
import { derive } from './users.ts';

const { FEATURE_AUTH, FEATURE_KEYED_STATE, FEATURE_DEDUP, FEATURE_REPLICATION } = Feature;
export const AUTH = { features: [FEATURE_AUTH, FEATURE_KEYED_STATE, FEATURE_DEDUP] };
/** The same of servers that are about replicas, too. */
export const AUTH_OF_REPLICAS = { features: [...AUTH.features, FEATURE_REPLICATION] };
const { SCRAM_SHA_256: mechanism, EXTERNAL } = AuthMechanism;

let nonces = 0;

/** A broker that asks who its clients are. */
export const askingBroker = (users: UserTable, options: Parameters<typeof runningBroker>[0] = {}): BrokerWorld =>
  runningBroker({ createsTopics: true, ...options, security: { users, nonce: () => `nonce-${++nonces}` } });

/** The bytes of a text. */
export const said = (text: string): Uint8Array => utf8(text);

/** Sends the first message of SCRAM. @returns what the last one is. */
export function beginScram(client: TestClient, name: string, password: string): Uint8Array {
  const scram = new ScramClient(name, password, 'mine');
  const { header } = client.call('AUTH', { mechanism, data: scram.first() });
  return scram.final(derive(scram.serverFirst(Buffer.from(header.data).toString())));
}

/** Logs in by password on a connection that was accepted. @returns the last answer; undefined while a refusal waits. */
export function logIn(world: BrokerWorld, client: TestClient, name: string, password: string): Answer<'AUTH'> | undefined {
  client.call('HELLO', AUTH);
  const correlation = client.send('AUTH', { mechanism, data: beginScram(client, name, password) });
  world.pump();
  return client.answer('AUTH', correlation);
}

/** A connection that has logged in by its certificate. */
export function connected(
  world: BrokerWorld,
  name: string,
  remote?: string,
  hello: { readonly features: number[] } = AUTH,
): TestClient {
  const client = world.accept([name], remote);
  client.call('HELLO', hello);
  client.call('AUTH', { mechanism: EXTERNAL });
  return client;
}

import type { QanatClient } from '@qanat/client';
import { CliError, ExitCode, isQanatError } from './errors.ts';

const LIST_TIMEOUT_MS = 3_000;

/** `Unknown topic "order". Did you mean "orders"?` */
async function unknownName(
  noun: string,
  name: string,
  candidates: readonly string[],
  hint: string,
  cause: unknown,
): Promise<CliError> {
  const { didYouMean } = await import('@qanat/core');
  const meant = didYouMean(name, candidates);
  return new CliError(
    ExitCode.NOT_FOUND,
    `Unknown ${noun} "${name}".${meant === undefined ? '' : ` Did you mean "${meant}"?`}`,
    hint,
    cause,
  );
}

/** With either code the topic does not exist, and is not about to. */
export const isUnknownTopic = (error: unknown): boolean =>
  isQanatError(error) && (error.code === 'TOPIC_NOT_FOUND' || error.code === 'CREATION_DISABLED');

/** Makes of TOPIC_NOT_FOUND an error that says which topic was probably meant; any other error is thrown as it is. */
export async function explainUnknownTopic(client: QanatClient, topic: string, error: unknown): Promise<never> {
  if (!isUnknownTopic(error)) throw error;
  const topics = await client.admin.listTopics({ timeoutMs: LIST_TIMEOUT_MS }).catch(() => []);
  const names = topics.map((one) => one.topic);
  throw await unknownName(
    'topic',
    topic,
    names,
    `"qanat topic ls" lists the topics; "qanat topic create ${topic}" makes it`,
    error,
  );
}

/** As `explainUnknownTopic`, for GROUP_NOT_FOUND. */
export async function explainUnknownGroup(client: QanatClient, group: string, error: unknown): Promise<never> {
  if (!isQanatError(error) || error.code !== 'GROUP_NOT_FOUND') throw error;
  const groups = await client.admin.listGroups({ timeoutMs: LIST_TIMEOUT_MS }).catch(() => []);
  const names = groups.map((one) => one.group);
  throw await unknownName(
    'group',
    group,
    names,
    '"qanat group ls" lists the groups; a group exists from its first member on',
    error,
  );
}

/** As `explainUnknownTopic`, for NO_BROKER where there is no broker of that name. */
export async function explainUnknownBroker(client: QanatClient, broker: string, error: unknown): Promise<never> {
  if (!isQanatError(error) || error.code !== 'NO_BROKER') throw error;
  const brokers = await client.admin.listBrokers({ timeoutMs: LIST_TIMEOUT_MS }).catch(() => []);
  const names = brokers.map((one) => one.broker);
  if (names.includes(broker)) throw error;
  throw await unknownName('broker', broker, names, '"qanat cluster status" lists the brokers', error);
}

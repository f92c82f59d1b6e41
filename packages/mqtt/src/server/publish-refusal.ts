import type { Publish, Will } from '../codec/packet.ts';
import { payloadFormatHolds } from '../codec/payload-format.ts';
import { REASON } from '../codec/reason-codes.ts';
import type { Gate } from '../ports.ts';

/** Names that are the server's own, to which no client publishes (MQTT 5.0 section 4.7.2). */
const RESERVED_TOPICS = /^\$(SYS|share)(\/|$)/;

/** Why a client may not publish this, or leave it as its will. Whether a rule maps the topic is up to the cluster. */
export function publishRefusal(
  gate: Gate,
  { principal, clientId }: { readonly principal: string; readonly clientId: string },
  topic: string,
  said: Publish | Will,
): number | undefined {
  if (topic.startsWith('$') && RESERVED_TOPICS.test(topic)) return REASON.TOPIC_NAME_INVALID;
  if (!payloadFormatHolds(said)) return REASON.PAYLOAD_FORMAT_INVALID;
  return gate.mayPublish(principal, topic, clientId) ? undefined : REASON.NOT_AUTHORIZED;
}

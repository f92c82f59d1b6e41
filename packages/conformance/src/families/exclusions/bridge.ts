/** Of chapter 24: what does not show on the wire of a bridge with the one rule that the kit wants. */
export const BRIDGE_EXCLUSIONS: Readonly<Record<string, string>> = {
  'QNT-MQT-002': 'the kit does not choose the rules of a bridge; those that capture levels are tried by the vectors',
  'QNT-MQT-003':
    'the kit does not choose the rules of a bridge; those with a highest quality of service are tried by the vectors',
  'QNT-MQT-007': 'takes two bridges and every property: what it consists of is judged by QNT-MQT-008 and the statements of MQTT',
  'QNT-MQT-012': 'the kit does not choose the rules of a bridge; which rule a topic hits is tried by the vectors',
  'QNT-MQT-013': 'takes another server of MQTT that the bridge joins',
  'QNT-MQT-015': 'whether a bridge starts with a list of rules stands in its exit code; the lists are tried by the vectors',
  'QNT-MQT-016': 'whether a bridge starts with a list of rules stands in its exit code; the lists are tried by the vectors',
  'QNT-MQT-018': 'what is not committed yet cannot be told apart from outside: a broker shows nobody such a message',
  'QNT-MQT-025': 'the entry of an exchange is removed before PUBCOMP: what lies between shows in a crash at that moment only',
  'QNT-MQT-029': 'takes two bridges, and the moment between their answers',
  'QNT-MQT-030': 'takes another server of MQTT that the bridge joins',
  'QNT-MQT-031': 'takes another server of MQTT that the bridge joins',
  'QNT-MQT-100': 'takes a bridge with users; the kit has one that lets everybody in',
  'QNT-MQT-101': 'takes a bridge with users, whose rights change',
  'QNT-MQT-102':
    'takes a broker that is away when a device is lost; what it comes to while all are there is judged by MQTT-3.1.2-8',
  'QNT-MQT-103': 'takes another server of MQTT that the bridge joins',
  'QNT-MQT-104': 'the kit does not choose the rules of a bridge, and its one rule takes every topic',
  'QNT-MQT-110': 'takes a broker that is away while devices connect',
  'QNT-MQT-111': 'takes a bridge that stands still, and another one',
};

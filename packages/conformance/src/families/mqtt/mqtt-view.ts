import type { EventOf, Side } from '../../history/event.ts';
import { once } from '../../history/once.ts';
import type { View } from '../../history/view.ts';
import { type Packet, readPacket, type Version } from './wire/packet.ts';
import { numberIn, textIn } from './wire/properties.ts';

/** One packet of a history. */
export interface PacketSeen {
  readonly index: number;
  readonly atMs: number;
  readonly from: Side;
  readonly link: LinkSeen;
  readonly bytes: Uint8Array;
  /** Undefined where it cannot be read. */
  readonly packet: Packet | undefined;
  /** Why not. */
  readonly wrong: string | undefined;
}

/** A packet that can be read. */
export type ReadPacket = PacketSeen & { readonly packet: Packet };

/** One connection of a device. */
export interface LinkSeen {
  readonly number: number;
  /** Until CONNECT has come: 5. */
  readonly version: Version;
  readonly packets: readonly PacketSeen[];
  readonly connect: ReadPacket | undefined;
  readonly connack: ReadPacket | undefined;
  /** The server took it. */
  readonly isAccepted: boolean;
  /** The one that the server has assigned, where the device has none. */
  readonly clientId: string;
  /** The place of its end in the history, or behind the last event. */
  readonly closedIndex: number;
  readonly closedAtMs: number;
  readonly closed: EventOf<'closed'> | undefined;
  /** Bytes by the kit that are no packets: nothing behind them can be judged. */
  readonly rawIndex: number;
  /** Of bytes by the server that are no packets. */
  readonly broken: (EventOf<'broken'> & { readonly index: number }) | undefined;
}

type Building = { -readonly [K in keyof LinkSeen]: LinkSeen[K] } & { packets: PacketSeen[] };

/** The connections of devices in a history, in the order in which they were opened. */
export const linksOf = once((view: View): readonly LinkSeen[] => {
  const links = new Map<number, Building>();
  for (const [index, event] of view.events.entries()) {
    if (event.kind === 'opened') links.set(event.connection, begun(event.connection, view));
    const link = 'connection' in event ? links.get(event.connection) : undefined;
    if (link === undefined) continue;
    if (event.kind === 'packet') addPacket(link, event, index);
    if (event.kind === 'bytes' && event.from === 'kit') link.rawIndex = Math.min(link.rawIndex, index);
    if (event.kind === 'broken') link.broken = { ...event, index };
    if (event.kind === 'closed') Object.assign(link, { closed: event, closedIndex: index, closedAtMs: event.atMs });
  }
  return [...links.values()];
});

const begun = (number: number, view: View): Building => ({
  number,
  version: 5,
  packets: [],
  connect: undefined,
  connack: undefined,
  isAccepted: false,
  clientId: '',
  closedIndex: view.events.length,
  closedAtMs: view.endMs,
  closed: undefined,
  rawIndex: view.events.length,
  broken: undefined,
});

function addPacket(link: Building, { atMs, from, bytes }: EventOf<'packet'>, index: number): void {
  // Which version a link has stands in its CONNECT.
  if (link.packets.length === 0 && from === 'kit') link.version = versionIn(bytes);
  const seen = { index, atMs, from, link, bytes, ...triedFor(link, bytes) };
  link.packets.push(seen);
  const { packet } = seen;
  if (packet?.name === 'CONNECT' && from === 'kit' && link.connect === undefined) {
    link.connect = seen as ReadPacket;
    link.clientId = packet.clientId ?? '';
  }
  if (packet?.name !== 'CONNACK' || from === 'kit' || link.connack !== undefined) return;
  link.connack = seen as ReadPacket;
  link.isAccepted = packet.reason === 0;
  if (link.clientId === '') link.clientId = textIn(packet.properties, 'assignedClientId') ?? '';
}

/** Whoever has sent no CONNECT that can be read may be answered by either version. */
function triedFor(link: Building, bytes: Uint8Array): Pick<PacketSeen, 'packet' | 'wrong'> {
  const read = tried(bytes, link.version);
  return read.packet === undefined && link.connect === undefined && link.packets.length === 0 ? tried(bytes, 4) : read;
}

function tried(bytes: Uint8Array, version: Version): Pick<PacketSeen, 'packet' | 'wrong'> {
  try {
    return { packet: readPacket(bytes, version), wrong: undefined };
  } catch (error) {
    return { packet: undefined, wrong: (error as Error).message };
  }
}

/** Level 4 behind the name MQTT is 3.1.1. */
const versionIn = (bytes: Uint8Array): Version => {
  const { version } = tried(bytes, 4).packet ?? {};
  return version === 4 ? 4 : 5;
};

/** Packets of one type by one side, in order, that can be read. */
export const packetsOf = (link: LinkSeen, from: Side, name: Packet['name']): readonly ReadPacket[] =>
  link.packets.filter((one): one is ReadPacket => one.from === from && one.packet?.name === name);

/** How long an answer may take where the kit has not waited for it, ms. */
export const PATIENCE_MS = 900;

/** The kit has waited long enough for an answer to what stood at this place. */
export const isOverdue = (view: View, link: LinkSeen, atMs: number): boolean =>
  Math.min(link.closedAtMs, frozenAtMs(view, link)) - atMs >= PATIENCE_MS + view.slackMs;

/** When a device stopped reading for good; else behind the end. */
const frozenAtMs = (view: View, { number }: LinkSeen): number => {
  const last = view.notes('reading').findLast(({ args }) => (args as { connection: number }).connection === number);
  return last === undefined || (last.args as { on: boolean }).on ? Number.POSITIVE_INFINITY : last.atMs;
};

/** A device reads what comes, up to the end of the program. */
export const readsToTheEnd = (view: View, link: LinkSeen): boolean => frozenAtMs(view, link) === Number.POSITIVE_INFINITY;

export const packetMaxOf = ({ connect }: LinkSeen): number =>
  numberIn(connect?.packet.properties ?? [], 'maximumPacketSize') ?? Number.POSITIVE_INFINITY;

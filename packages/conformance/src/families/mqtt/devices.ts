import type { Play } from '../../play/play.ts';
import type { Device } from './device.ts';
import { DeviceSession } from './device-session.ts';

/** The devices of one program. */
export interface Devices {
  /** The newest connection of each device, by the name that the program gives it. */
  readonly byName: Map<string, Device>;
  readonly all: Device[];
  /** By client id: what devices keep from one connection to the next. */
  readonly sessions: Map<string, DeviceSession>;
  publications: number;
  /** What had come when the kit last waited in vain. */
  receivedBeforeMute: number;
}

const devices = new WeakMap<Play, Devices>();

export function devicesOf(play: Play): Devices {
  const known = devices.get(play);
  if (known !== undefined) return known;
  const made: Devices = { byName: new Map(), all: [], sessions: new Map(), publications: 0, receivedBeforeMute: -1 };
  devices.set(play, made);
  return made;
}

/** `{t}` becomes the root of the MQTT topics of this program alone. Wildcards stay where they are. */
export const namedIn =
  (play: Play) =>
  (text: string): string =>
    text.replaceAll('{t}', `t${letters(play.token)}`);

/** What servers have to take for a client id: letters and digits, 23 of them at the most (MQTT 5.0, 3.1.3.1). */
export function clientIdOf(play: Play, name: string): string {
  const own = letters(play.token);
  return name === '' ? '' : `${name.slice(0, Math.max(1, CLIENT_ID_MAX - own.length))}${own}`;
}

const CLIENT_ID_MAX = 23;

const letters = (text: string): string => text.replace(/[^a-z0-9]/gi, '');

export function sessionOf(play: Play, clientId: string): DeviceSession {
  const { sessions } = devicesOf(play);
  const session = sessions.get(clientId) ?? new DeviceSession(clientId);
  if (clientId !== '') sessions.set(clientId, session);
  return session;
}

/** How long the kit waits for an answer of a server of MQTT. */
export const ANSWER_MS = 3_000;
/** And how long for the next ones, until the server says something again. */
const MUTE_MS = 1_000;

/** Waits for something that the subject has to do: not long where it says nothing at all. */
export async function untilAnswered(play: Play, condition: () => boolean, withinMs: number = ANSWER_MS): Promise<boolean> {
  const all = devicesOf(play);
  const received = (): number => all.all.reduce((sum, one) => sum + one.received, 0);
  const isMute = all.receivedBeforeMute === received();
  const held = await play.until(condition, isMute ? Math.min(withinMs, MUTE_MS) : withinMs);
  if (!held) all.receivedBeforeMute = received();
  return held;
}

import type { LinkConditions } from '../virtual-network.ts';
import type { DiskOperation, UnsyncedPages } from './disk-faults.ts';

interface At {
  /** Virtual time. */
  readonly atMs: number;
}

interface OnNode extends At {
  /** The host. */
  readonly target: string;
}

interface OnLink extends OnNode {
  readonly peer: string;
}

/** kill -9: the page cache stays. The process starts again after `downMs`. */
export interface KillFault extends OnNode {
  readonly kind: 'kill';
  readonly downMs: number;
}

/** The power goes: unsynced bytes are lost or torn. `silent`: the peers are told nothing. */
export interface PowerFault extends OnNode {
  readonly kind: 'powerCut';
  readonly downMs: number;
  readonly silent: boolean;
}

/** A planned stop, as SIGTERM asks for, and a start `downMs` after its end. */
export interface StopFault extends OnNode {
  readonly kind: 'stop';
  readonly downMs: number;
}

/** SIGSTOP, and SIGCONT after `forMs`. */
export interface PauseFault extends OnNode {
  readonly kind: 'pause';
  readonly forMs: number;
}

/** Nothing passes from one host to the other, or both ways, or (without a peer) between a host and all others. */
export interface CutFault extends OnNode {
  readonly kind: 'cut';
  readonly peer?: string;
  readonly bothWays: boolean;
  readonly forMs: number;
}

/** All connections between two hosts break off, maybe in the middle of a frame. */
export interface ResetFault extends OnLink {
  readonly kind: 'reset';
}

/** All connections between two hosts keep silent for ever, without a close. */
export interface MuteFault extends OnLink {
  readonly kind: 'mute';
}

/** The way between two hosts is bad, both ways. */
export interface BadLinkFault extends OnLink {
  readonly kind: 'badLink';
  readonly conditions: LinkConditions;
  readonly forMs: number;
}

/** The wall clock of one host steps. */
export interface ClockStepFault extends OnNode {
  readonly kind: 'clockStep';
  readonly byMs: number;
}

/** Something else fills the disk, so that so many bytes are left; after `forMs` they are given back. */
export interface DiskFullFault extends OnNode {
  readonly kind: 'diskFull';
  readonly leftBytes: number;
  readonly forMs: number;
}

/** The next sync fails. */
export interface SyncFault extends OnNode {
  readonly kind: 'syncFails';
  readonly pages: UnsyncedPages;
}

/** The next requests of one kind fail with an error of the device. */
export interface DiskErrorFault extends OnNode {
  readonly kind: 'diskError';
  readonly operation: DiskOperation;
  readonly count: number;
}

export interface SlowDiskFault extends OnNode {
  readonly kind: 'slowDisk';
  readonly factor: number;
  readonly forMs: number;
}

/** A bit turns in bytes that were durable long ago; half of the time in a snapshot. `at` says where, from 0 to below 1. */
export interface RotFault extends OnNode {
  readonly kind: 'rot';
  readonly file: 'log' | 'snapshot';
  readonly at: number;
}

/** The consensus store answers nobody. */
export interface StoreAwayFault extends OnNode {
  readonly kind: 'storeAway';
  readonly forMs: number;
}

/** Of a hundred requests to the consensus store so many are lost, or their answers, or they are done when nobody waits. */
export interface StoreErrorsFault extends OnNode {
  readonly kind: 'storeErrors';
  readonly percent: number;
  readonly forMs: number;
}

/** One thing that goes wrong in a run: plain data, so that a plan can be kept as JSON. */
export type Fault =
  | KillFault
  | PowerFault
  | StopFault
  | PauseFault
  | CutFault
  | ResetFault
  | MuteFault
  | BadLinkFault
  | ClockStepFault
  | DiskFullFault
  | SyncFault
  | DiskErrorFault
  | SlowDiskFault
  | RotFault
  | StoreAwayFault
  | StoreErrorsFault;

export type FaultKind = Fault['kind'];

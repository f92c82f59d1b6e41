import type { Peer } from '@qanat/mqtt';
import type { DeviceEngine } from '../../src/bridge/device-engine.ts';

/** Keeps what it is told, as texts. */
export class FakeEngine implements DeviceEngine {
  readonly told: string[] = [];
  deadlineMs: number | undefined;
  onStop: () => void = () => undefined;
  wallClock(offsetMs: number): void {
    this.told.push(`wall ${offsetMs}`);
  }
  accepted(connection: number, { address: _address, ...peer }: Peer, nowMs: number): void {
    this.told.push(`accepted ${connection} ${JSON.stringify(peer)} at ${nowMs}`);
  }
  received(connection: number, bytes: Uint8Array): void {
    this.told.push(`received ${connection} ${[...bytes]}`);
  }
  drained(connection: number): void {
    this.told.push(`drained ${connection}`);
  }
  closed(connection: number): void {
    this.told.push(`closed ${connection}`);
  }
  tick(nowMs: number): void {
    this.told.push(`tick ${nowMs}`);
    this.deadlineMs = undefined;
  }
  flush(): void {
    this.told.push('flush');
  }
  nextDeadlineMs(): number | undefined {
    return this.deadlineMs;
  }
  disconnectWhere(): void {
    this.told.push('disconnect');
  }
  stop(): void {
    this.told.push('stop');
    this.onStop();
  }
}

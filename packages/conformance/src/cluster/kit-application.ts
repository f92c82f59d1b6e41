import * as core from '@qanat/core';
import { Admin, Client, type Credentials, type Platform, type Producer, QanatError, Random, type RecordInit } from '@qanat/core';
import { VirtualNode } from '@qanat/simulator';
import type { Ground } from '../ground/ground.ts';
import { loginBy } from '../users/credentials.ts';
import { deriveKeyOn } from '../users/salted-password.ts';
import { OWN_SOFTWARE } from './meddler.ts';

const CALL_MS = 10_000;

/** Where messages are: the first of them has this offset. */
export interface Place {
  readonly broker: string;
  readonly queue: number;
  readonly offset: number;
}

/** A client of the kit at its own cluster: makes topics and publishes what a consumer under test reads. */
export class KitApplication {
  readonly #ground: Ground;
  readonly #node: VirtualNode<Client>;
  readonly #admin: Admin;
  #producer: Producer | undefined;

  constructor(ground: Ground, platform: Platform, nameServers: readonly string[], credentials?: Credentials) {
    this.#ground = ground;
    const client = new Client({
      platform,
      random: new Random(11),
      nameServers,
      schemes: [ground.scheme],
      software: OWN_SOFTWARE,
      ...(credentials === undefined ? {} : { login: loginBy(credentials, core) }),
    });
    const { clock } = ground;
    this.#node = new VirtualNode(client, {
      name: 'kit',
      clock,
      transport: ground.transport('kit'),
      deriveKey: deriveKeyOn(clock),
    });
    this.#admin = new Admin(client);
    this.#node.start();
  }

  /** @returns whether it was done in time. */
  createTopic(topic: string, queues: number): Promise<boolean> {
    return this.#ask((_, done) => this.#admin.createTopic(topic, { queues }, CALL_MS, (error) => done(error === undefined)));
  }

  alterTopic(topic: string, queues: number): Promise<boolean> {
    return this.#ask((_, done) => this.#admin.alterTopic(topic, queues, CALL_MS, (error) => done(error === undefined)));
  }

  /** Makes a slave the master of its group. */
  promote(broker: string, replica: number): Promise<boolean> {
    return this.#ask((_, done) => this.#admin.promote(broker, replica, {}, CALL_MS, (error) => done(error === undefined)));
  }

  /**
   * Stores records as one batch in one queue; without a queue where their keys belong. @returns where they are, or undefined
   * where that is not known.
   */
  async publish(
    topic: string,
    records: readonly RecordInit[],
    queue?: { readonly broker: string; readonly queue: number },
  ): Promise<Place | undefined> {
    let place: Place | undefined;
    const stored = await this.#ask((client, done) => {
      this.#producer ??= client.producer();
      const options = queue === undefined ? { timeoutMs: CALL_MS } : { queue, timeoutMs: CALL_MS };
      this.#producer.sendBatch(topic, records, options, (error, receipts) => {
        const [receipt] = receipts;
        if (receipt !== undefined && receipts.length === 1 && receipt.baseOffset !== undefined)
          place = { broker: receipt.broker, queue: receipt.queue, offset: receipt.baseOffset };
        done(error === undefined);
      });
    });
    return stored ? place : undefined;
  }

  /** Stores a batch as it is. @returns where it is, or undefined where the broker refused it or did not answer. */
  async store(topic: string, { broker, queue }: Omit<Place, 'offset'>, batch: Uint8Array): Promise<Place | undefined> {
    let offset: number | undefined;
    await this.#ask((client, done) => {
      const options = { timeoutMs: CALL_MS, payload: [batch] };
      client.request(broker, 'SEND', { topic, queue }, options, (error, response) => {
        if (error === undefined) offset = response.header.baseOffset;
        done(error === undefined);
      });
    });
    return offset === undefined ? undefined : { broker, queue, offset };
  }

  close(): void {
    if (!this.#node.ended) this.#node.kill(new QanatError('CLOSED', 'the program is over'));
  }

  async #ask(begin: (client: Client, done: (ok: boolean) => void) => void): Promise<boolean> {
    let outcome: boolean | undefined;
    this.#node.call((client, nowMs) => {
      client.enter(nowMs);
      begin(client, (ok) => {
        outcome = ok;
        this.#ground.changed();
      });
    });
    await this.#ground.until(() => outcome !== undefined, CALL_MS + 1_000);
    return outcome === true;
  }
}

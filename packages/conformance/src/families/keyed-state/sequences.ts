import type { BatchFields } from '../produce/batch-oracle.ts';

/** A batch of a producer that was told to be there. */
interface Remembered {
  readonly base: number;
  readonly count: number;
  readonly offset: number;
}

interface Row {
  next: number;
  readonly batches: Remembered[];
  /** The last number was used by a duplicate. */
  byDuplicate: boolean;
}

/** What is left of a row of numbers is remembered by a broker for so many batches at least. */
const REMEMBERED = 5;

/** The numbers of producers in queues, as the answers tell them. */
export class Sequences {
  readonly #rows = new Map<string, Row>();

  rowOf(place: string, { producerId, epoch }: BatchFields): Row {
    const name = `${place} ${producerId} ${epoch}`;
    let row = this.#rows.get(name);
    if (row === undefined) {
      row = { next: 0, batches: [], byDuplicate: false };
      this.#rows.set(name, row);
    }
    return row;
  }

  remembered(row: Row, { base, count }: BatchFields): Remembered | undefined {
    return row.batches.slice(-REMEMBERED).find((one) => one.base === base && one.count === count);
  }

  use(row: Row, { base, count }: BatchFields, offset: number, byDuplicate: boolean): void {
    row.next = base + count;
    row.batches.push({ base, count, offset });
    row.byDuplicate = byDuplicate;
  }

  /** A broker may forget a number that a duplicate used. */
  restarted(): void {
    this.#rows.clear();
  }
}

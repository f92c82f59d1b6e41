/** Mixes numbers and texts into sixteen hexadecimal digits (the mixing of cyrb53; not for secrets). */
export class RunHash {
  #low = 0xdead_beef;
  #high = 0x41c6_ce57;

  number(value: number): void {
    this.#mix(value | 0);
    this.#mix((value * 1_000) | 0);
    this.#mix((value / 0x1_0000_0000) | 0);
  }

  text(value: string): void {
    for (let i = 0; i < value.length; i++) this.#mix(value.charCodeAt(i));
  }

  digits(): string {
    const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
    return hex(this.#high) + hex(this.#low);
  }

  #mix(unit: number): void {
    this.#low = Math.imul(this.#low ^ unit, 2_654_435_761);
    this.#low ^= this.#low >>> 15;
    this.#high = Math.imul(this.#high ^ unit, 1_597_334_677);
    this.#high ^= this.#high >>> 13;
  }
}

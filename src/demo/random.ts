/**
 * Seeded pseudo-random numbers (sfc32, a small fast counting generator) and the few distributions that the
 * population needs.
 *
 * Invariant: integer arithmetic and + − × only, no Math.log or Math.cos, so that a seed gives the same population
 * on every machine and version of Node.
 */
const WARM_UP_ROUNDS = 12;

export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter: number;

  /** The sequence depends on all four; `stream` keeps uses of one (seed, index) apart. */
  constructor(seed: number, index: number, stream: number) {
    this.a = seed | 0;
    this.b = index | 0;
    this.c = Math.floor(seed / 2 ** 32) ^ Math.imul(stream + 1, 0x9e3779b1);
    this.counter = 1;
    for (let round = 0; round < WARM_UP_ROUNDS; round++) this.next();
  }

  /** 32 bits, 0 … 4294967295. */
  next(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** 0 ≤ x < 1. */
  unit(): number {
    return this.next() / 4294967296;
  }

  between(low: number, high: number): number {
    return low + this.unit() * (high - low);
  }

  /** Both ends included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.next() % items.length] as Item; // the lists are the tables of this folder, none is empty
  }

  /** An item, each as likely as its `weight` says. */
  weighted<Item extends { readonly weight: number }>(items: readonly Item[]): Item {
    let total = 0;
    for (const item of items) total += item.weight;
    let rest = this.unit() * total;
    for (const item of items) {
      rest -= item.weight;
      if (rest < 0) return item;
    }
    return items[items.length - 1] as Item; // as in pick: rounding can leave rest at 0
  }

  /** Mean 0, deviation 1, within ±4.25: the sum of six uniform numbers, near enough to a normal distribution. */
  bell(): number {
    const sum = this.unit() + this.unit() + this.unit() + this.unit() + this.unit() + this.unit();
    return (sum - 3) * Math.SQRT2;
  }

  /** Lower-case UUID of version 8 (RFC 9562: content of our own making). */
  uuid(): string {
    const first = hex8(this.next());
    const second = hex8(this.next());
    const third = hex8((this.next() & 0x3fffffff) | 0x80000000);
    const fourth = hex8(this.next());
    return `${first}-${second.slice(0, 4)}-8${second.slice(5)}-${third.slice(0, 4)}-${third.slice(4)}${fourth}`;
  }
}

function hex8(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}

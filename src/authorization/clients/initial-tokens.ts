/**
 * Initial access tokens: whoever holds one may register clients, so many and so long as it says.
 * https://www.rfc-editor.org/rfc/rfc7591#section-1.2
 *
 * Invariants
 * - A token leaves once, in the answer to what made it; kept is its hash.
 * - Each of its uses is taken by one registration, in whichever process.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import type { Records } from '../../ports/records.js';
import { readValue, writeValue } from '../record-json.js';
import { KIND } from '../record-kinds.js';
import { tokenHash } from '../token-hash.js';

export interface WantedInitialToken {
  /** How many clients may be registered with it. */
  readonly uses: number;
  /** Milliseconds. */
  readonly life: number;
}

export interface MadeInitialToken {
  readonly token: string;
  readonly uses: number;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

interface KeptInitialToken {
  readonly uses: number;
  readonly expires: number;
}

export const LIMITS = { uses: 1000, life: 90 * 24 * 3600 * 1000 } as const;
const BYTES = 32;
const PAGE = 500;

export class InitialTokens {
  readonly #records: Records;
  readonly #clock: Clock;

  constructor({ records, clock }: { readonly records: Records; readonly clock: Clock }) {
    this.#records = records;
    this.#clock = clock;
  }

  /** Both of what is wanted lie from 1 to LIMITS, else it throws. */
  async make({ uses, life }: WantedInitialToken): Promise<MadeInitialToken> {
    checkRange('The number of uses', uses, LIMITS.uses);
    checkRange('The life in milliseconds', life, LIMITS.life);
    const token = randomBytes(BYTES).toString('base64url');
    const expires = this.#clock.now() + life;
    await this.#records.put(KIND.initialToken, tokenHash(token), writeValue({ uses, expires }), { expires });
    return { token, uses, expires };
  }

  /** Whether it is one that lives; its uses may be over. */
  async isOne(token: string): Promise<boolean> {
    return (await this.#kept(tokenHash(token))) !== undefined;
  }

  /** False where it is none, or all of its uses are over. */
  async use(token: string): Promise<boolean> {
    const hash = tokenHash(token);
    const kept = await this.#kept(hash);
    if (kept === undefined) return false;
    const { uses, expires } = kept;
    for (let use = await this.#used(hash, uses); use < uses; use++) {
      const name = `${hash} ${String(use).padStart(4, '0')}`;
      if (await this.#records.insert(KIND.initialTokenUse, name, '', { expires })) return true;
    }
    return false;
  }

  /** Ends all of them; resolves with how many there were. */
  async endAll(): Promise<number> {
    for (let ended = 0; ; ) {
      const page = await this.#records.list(KIND.initialToken, '', PAGE);
      for (const { name } of page) await this.#records.remove(KIND.initialToken, name);
      ended += page.length;
      if (page.length < PAGE) return ended;
    }
  }

  async #kept(hash: string): Promise<KeptInitialToken | undefined> {
    const value = await this.#records.get(KIND.initialToken, hash);
    return value === undefined ? undefined : readValue<KeptInitialToken>(value);
  }

  /** How many uses are over: the first ones, for they are taken in order. */
  async #used(hash: string, uses: number): Promise<number> {
    const page = await this.#records.list(KIND.initialTokenUse, `${hash} `, uses);
    return page.filter(({ name }) => name.startsWith(`${hash} `)).length;
  }
}

function checkRange(what: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new Error(`${what} must be a whole number from 1 to ${most}.`);
}

/** What a person has chosen so far, between two pages of one interaction. */
import type { Clock } from '../../base/clock.js';
import type { Records } from '../../ports/records.js';
import type { LaunchContext } from '../launch/launch-context.js';
import { readValue, writeValue } from '../record-json.js';
import { KIND } from '../record-kinds.js';
import { tokenHash } from '../token-hash.js';

export interface Progress {
  readonly context: LaunchContext;
}

const LIFE = 30 * 60_000;

export class ProgressRecords {
  readonly #records: Records;
  readonly #clock: Clock;

  constructor({ records, clock }: { readonly records: Records; readonly clock: Clock }) {
    this.#records = records;
    this.#clock = clock;
  }

  async get(uid: string): Promise<Progress | undefined> {
    const value = await this.#records.get(KIND.progress, tokenHash(uid));
    return value === undefined ? undefined : readValue<Progress>(value);
  }

  async put(uid: string, progress: Progress): Promise<void> {
    const expires = this.#clock.now() + LIFE;
    await this.#records.put(KIND.progress, tokenHash(uid), writeValue(progress), { expires });
  }
}

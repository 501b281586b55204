/**
 * What an EHR hands over when it opens an app: the patient and the rest of what is on its screen, behind a `launch` value
 * that the app brings along.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
 *
 * Invariant: a launch value is used once, within a few minutes, by the app that it was made for.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import type { Records } from '../../ports/records.js';
import { readValue, writeValue } from '../record-json.js';
import { KIND } from '../record-kinds.js';
import { tokenHash } from '../token-hash.js';
import type { LaunchContext } from './launch-context.js';

export interface Launch {
  readonly context: LaunchContext;
  /** The only app that may use it; absent: any. */
  readonly clientId?: string;
  /** Who must sign in: the subject; absent: anyone. */
  readonly subject?: string;
}

const LIFE = 5 * 60_000;
const BYTES = 32;

export class Launches {
  readonly #records: Records;
  readonly #clock: Clock;

  constructor({ records, clock }: { readonly records: Records; readonly clock: Clock }) {
    this.#records = records;
    this.#clock = clock;
  }

  /** The launch value, and when it ends (milliseconds since 1970). */
  async make(launch: Launch): Promise<{ readonly value: string; readonly expires: number }> {
    const value = randomBytes(BYTES).toString('base64url');
    const expires = this.#clock.now() + LIFE;
    await this.#records.put(KIND.launch, tokenHash(value), writeValue(launch), { expires });
    return { value, expires };
  }

  /** Undefined where there is none, it was used, its time has passed, or it is another app's. It is then gone. */
  async use(value: string, clientId: string): Promise<Launch | undefined> {
    const found = await this.#records.take(KIND.launch, tokenHash(value));
    if (found === undefined) return undefined;
    const launch = readValue<Launch>(found);
    return launch.clientId === undefined || launch.clientId === clientId ? launch : undefined;
  }
}

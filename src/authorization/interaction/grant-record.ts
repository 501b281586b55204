/**
 * What was granted, kept beside the grant itself: the context that its tokens are opened with, and a line for the person's
 * list of apps. Both go when the grant goes.
 */
import type { Records } from '../../ports/records.js';
import type { LaunchContext } from '../launch/launch-context.js';
import { groupOf } from '../provider/grant-group.js';
import { readValue, writeValue } from '../record-json.js';
import { KIND } from '../record-kinds.js';
import { tokenHash } from '../token-hash.js';

/** One grant, as the person sees it. */
export interface GrantedApp {
  readonly grantId: string;
  readonly clientId: string;
  readonly scope: string;
  readonly patient?: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly until: number;
}

/** Of one person. */
const LISTED = 200;

export class GrantRecords {
  readonly #records: Records;

  constructor(records: Records) {
    this.#records = records;
  }

  async save(subject: string, app: GrantedApp, context: LaunchContext): Promise<void> {
    const { grantId, until } = app;
    const options = { expires: until, group: groupOf(grantId) };
    await this.#records.put(KIND.grantContext, tokenHash(grantId), writeValue(context), options);
    await this.#records.put(KIND.granted, nameOf(subject, grantId), writeValue(app), options);
  }

  async contextOf(grantId: string): Promise<LaunchContext> {
    const value = await this.#records.get(KIND.grantContext, tokenHash(grantId));
    return value === undefined ? {} : readValue<LaunchContext>(value);
  }

  async appsOf(subject: string): Promise<readonly GrantedApp[]> {
    const page = await this.#records.list(KIND.granted, `${subject} `, LISTED);
    return page
      .filter(({ name }) => name.startsWith(`${subject} `))
      .map(({ value }) => readValue<GrantedApp>(value));
  }

  /** All that the grant led to is gone: codes, tokens, and its line. Undefined where the person has no such grant. */
  async revoke(subject: string, grantId: string): Promise<GrantedApp | undefined> {
    const value = await this.#records.get(KIND.granted, nameOf(subject, grantId));
    if (value === undefined) return undefined;
    await this.#records.removeGroup(groupOf(grantId));
    await this.#records.remove('Grant', tokenHash(grantId));
    return readValue<GrantedApp>(value);
  }
}

function nameOf(subject: string, grantId: string): string {
  return `${subject} ${tokenHash(grantId)}`;
}

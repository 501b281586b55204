/**
 * Who is who: accounts at the hospital's provider, and the people here. Made at the first sign-in, by what the provider says
 * of the person; then the account alone counts.
 *
 * Invariants
 * - An account is known by its issuer and subject. Nobody is made up: who is nobody here stays so.
 * - One account of an issuer leads to a person, the first one: names are given to others when people leave, subjects are not.
 */
import type { Records } from '../../ports/records.js';
import { KIND } from '../record-kinds.js';
import { tokenHash } from '../token-hash.js';
import type { RegisteredUser } from '../users/user.js';
import type { Users } from '../users/users.js';
import type { UpstreamPerson, UpstreamSettings } from './upstream.js';

export interface LinksParts {
  readonly records: Records;
  readonly users: Users;
  readonly fhirBase: string;
}

export class Links {
  readonly #parts: LinksParts;

  constructor(parts: LinksParts) {
    this.#parts = parts;
  }

  /** The person, active or not; undefined where the account is nobody's. */
  async find(
    account: UpstreamPerson,
    settings: Pick<UpstreamSettings, 'match'>,
  ): Promise<RegisteredUser | undefined> {
    const { records, users } = this.#parts;
    const name = accountName(account);
    const subject = await records.get(KIND.upstreamAccount, name);
    if (subject !== undefined) return users.get(subject);
    const user = account.claim === undefined ? undefined : await this.#matching(account.claim, settings);
    if (user === undefined) return undefined;
    return (await this.#link(user, account.issuer, name)) ? user : undefined;
  }

  /** Which of a person's accounts may sign in is open again. Resolves with whether there was one. */
  async unlink(subject: string): Promise<boolean> {
    const { records } = this.#parts;
    const own = await records.list(KIND.upstreamLink, `${subject} `, LISTED);
    const linked = own.filter(({ name }) => name.startsWith(`${subject} `));
    for (const { name, value } of linked) {
      await records.remove(KIND.upstreamAccount, value);
      await records.remove(KIND.upstreamLink, name);
    }
    return linked.length > 0;
  }

  /** False where another account of the issuer was first. */
  async #link({ subject }: RegisteredUser, issuer: string, name: string): Promise<boolean> {
    const { records } = this.#parts;
    const place = `${subject} ${tokenHash(issuer)}`;
    const isFirst = await records.insert(KIND.upstreamLink, place, name);
    if (!isFirst && (await records.get(KIND.upstreamLink, place)) !== name) return false;
    await records.put(KIND.upstreamAccount, name, subject);
    return true;
  }

  async #matching(
    claim: string,
    { match }: Pick<UpstreamSettings, 'match'>,
  ): Promise<RegisteredUser | undefined> {
    const { users, fhirBase } = this.#parts;
    if (match === 'login') return users.byLogin(claim);
    // Another server's Practitioner/1 is somebody else.
    const reference = claim.startsWith(`${fhirBase}/`) ? claim.slice(fhirBase.length + 1) : claim;
    return users.byFhirUser(reference);
  }
}

/** Of one person: as many as issuers were ever configured. */
const LISTED = 100;

function accountName({ issuer, subject }: UpstreamPerson): string {
  return tokenHash(`${issuer} ${subject}`);
}

/**
 * The built-in user store: people who sign in, each with the resource that stands for them.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data
 *
 * Invariants
 * - Of a password only its hash is kept. Whether a login exists shows neither in an answer nor in its time.
 * - After some failures each further one makes the login wait longer, wherever they come from. A try counts before its
 *   password is looked at, so that many at once gain nothing.
 */
import type { Clock } from '../../base/clock.js';
import type { NewId } from '../../base/ids.js';
import type { Records } from '../../ports/records.js';
import { hashSecret, isSecretOf } from '../clients/secret.js';
import { readValue, writeValue } from '../record-json.js';
import { KIND } from '../record-kinds.js';

export interface User {
  /** Stable, and told to clients as `sub`. */
  readonly subject: string;
  readonly login: string;
  readonly fhirUser: { readonly type: string; readonly id: string };
  /** Names of the roles that policies speak of. */
  readonly roles: readonly string[];
  /** Ids of the patients whose records this person opens as a patient or for one. */
  readonly patients: readonly string[];
}

interface UserRecord extends User {
  readonly password: string;
}

export interface WantedUser {
  readonly login: string;
  /** `Patient/1`. */
  readonly fhirUser: string;
  readonly password: string;
}

export type SignIn =
  | { readonly kind: 'known'; readonly user: User }
  | { readonly kind: 'refused' }
  /** Not before this time, milliseconds since 1970. */
  | { readonly kind: 'wait'; readonly until: number };

export interface UsersParts {
  readonly records: Records;
  readonly clock: Clock;
  readonly newId: NewId;
}

const FREE_TRIES = 5;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 15 * 60_000;
/** Failures are forgotten after so long without one. */
const FORGOTTEN_AFTER = 24 * 3600_000;
const SHORTEST_PASSWORD = 12;
const LONGEST_PASSWORD = 256;
/** https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html: what fhirUser may be, and its role. */
const ROLES: Readonly<Record<string, string>> = {
  Patient: 'patient',
  RelatedPerson: 'patient',
  Practitioner: 'practitioner',
};
const FHIR_USER = /^(Patient|RelatedPerson|Practitioner)\/([A-Za-z0-9\-.]{1,64})$/;

interface Failures {
  readonly count: number;
  readonly until: number;
}

export class Users {
  readonly #parts: UsersParts;
  /** Of which nobody knows the secret: what an unknown login is compared with. */
  #nobody: Promise<string> | undefined;
  /** Tries of one login go one after the other. */
  readonly #under = new Map<string, Promise<unknown>>();

  constructor(parts: UsersParts) {
    this.#parts = parts;
  }

  /** Throws with all that is wrong. */
  async add({ login, fhirUser, password }: WantedUser): Promise<User> {
    const name = normalLogin(login);
    const parts = FHIR_USER.exec(fhirUser);
    const problems = [
      ...(/^\S{1,128}$/.test(name) ? [] : ['The login must have 1 to 128 characters and no blanks.']),
      ...(parts === null ? ['--fhir-user must be Patient/ID, RelatedPerson/ID or Practitioner/ID.'] : []),
      ...passwordProblems(password),
    ];
    if (parts === null || problems.length > 0) throw new Error(problems.join('\n  '));
    const [, type = '', id = ''] = parts;
    const user: User = {
      subject: this.#parts.newId(),
      login: name,
      fhirUser: { type, id },
      roles: [ROLES[type] ?? ''],
      patients: type === 'Patient' ? [id] : [],
    };
    const record: UserRecord = {
      ...user,
      password: await hashSecret(password.normalize('NFKC'), 'password'),
    };
    const { records } = this.#parts;
    if (!(await records.insert(KIND.user, name, writeValue(record)))) {
      throw new Error(`There is a user ${name} already.`);
    }
    await records.put(KIND.userBySubject, user.subject, name);
    return user;
  }

  async bySubject(subject: string): Promise<User | undefined> {
    const { records } = this.#parts;
    const login = await records.get(KIND.userBySubject, subject);
    return login === undefined ? undefined : userOf(await this.#record(login));
  }

  signIn(login: string, password: string): Promise<SignIn> {
    const name = normalLogin(login);
    const before = this.#under.get(name) ?? Promise.resolve();
    const result = before.then(
      () => this.#try(name, password),
      () => this.#try(name, password),
    );
    this.#under.set(name, result);
    const done = (): void => {
      if (this.#under.get(name) === result) this.#under.delete(name);
    };
    result.then(done, done);
    return result;
  }

  async #try(name: string, password: string): Promise<SignIn> {
    const { records, clock } = this.#parts;
    const now = clock.now();
    const written = await records.get(KIND.signInFailures, name);
    const failures = written === undefined ? { count: 0, until: 0 } : readValue<Failures>(written);
    if (failures.until > now) return { kind: 'wait', until: failures.until };
    const next = nextFailures(failures, now);
    await records.put(KIND.signInFailures, name, writeValue(next), { expires: now + FORGOTTEN_AFTER });
    const record = await this.#record(name);
    this.#nobody ??= hashSecret('nobody', 'password');
    const expected = record?.password ?? (await this.#nobody);
    const matches = await isSecretOf(password.normalize('NFKC'), expected);
    const user = matches ? userOf(record) : undefined;
    if (user === undefined) return { kind: 'refused' };
    await records.remove(KIND.signInFailures, name);
    return { kind: 'known', user };
  }

  async #record(name: string): Promise<UserRecord | undefined> {
    const written = await this.#parts.records.get(KIND.user, name);
    return written === undefined ? undefined : readValue<UserRecord>(written);
  }
}

function normalLogin(login: string): string {
  return login.normalize('NFKC').trim().toLowerCase();
}

/** https://pages.nist.gov/800-63-3/sp800-63b.html#memsecret: length counts, not its kinds of characters. */
function passwordProblems(password: string): readonly string[] {
  if (password.length < SHORTEST_PASSWORD) {
    return [`The password must have ${SHORTEST_PASSWORD} characters or more.`];
  }
  return password.length > LONGEST_PASSWORD
    ? [`The password must have ${LONGEST_PASSWORD} characters at most.`]
    : [];
}

function nextFailures({ count }: Failures, now: number): Failures {
  const over = count + 1 - FREE_TRIES;
  const pause = over < 0 ? 0 : Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** over);
  return { count: count + 1, until: now + pause };
}

function userOf(record: UserRecord | undefined): User | undefined {
  if (record === undefined) return undefined;
  const { password: _, ...user } = record;
  return user;
}

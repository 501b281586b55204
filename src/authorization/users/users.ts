/**
 * The people who may sign in, kept as records, and their signing in.
 *
 * Invariants
 * - A login belongs to one person, in whichever process it was added.
 * - Passwords of one login are tried one after the other, in whichever processes; after a few wrong ones the login waits,
 *   longer each time. A login that nobody has behaves as one that somebody has.
 */
import type { Clock } from '../../base/clock.js';
import type { NewId } from '../../base/ids.js';
import type { Records } from '../../ports/records.js';
import { type HashCost, hashSecret, isSecretOf, newSecret } from '../clients/secret.js';
import { readValue, writeValue } from '../record-json.js';
import { KIND } from '../record-kinds.js';
import { tokenHash } from '../token-hash.js';
import { foldedLogin, passwordProblem, type RegisteredUser, soundUser, type WantedUser } from './user.js';

export interface UsersParts {
  readonly records: Records;
  readonly clock: Clock;
  readonly newId: NewId;
  /** What hashing a password costs, and therefore guessing it. */
  readonly passwordCost: HashCost;
}

export class UserError extends Error {
  override readonly name: string = 'UserError';

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

export class LoginTakenError extends UserError {
  constructor(login: string) {
    super([`The login ${login} is taken: fairway user list shows them.`]);
  }
}

export type SignInOutcome =
  | { readonly kind: 'signed-in'; readonly user: RegisteredUser }
  /** Whichever of login and password is wrong, or the person is disabled. */
  | { readonly kind: 'refused' }
  /** Not looked at: until then (milliseconds since 1970) the login waits. */
  | { readonly kind: 'waiting'; readonly until: number };

interface Failures {
  readonly count: number;
  readonly until: number;
}

const PAGE = 500;
/** So many wrong passwords are free. */
const FREE_FAILURES = 5;
const FIRST_WAIT = 60_000;
const LONGEST_WAIT = 60 * 60_000;
/** Failures are forgotten a day after the last one. */
const REMEMBERED = 24 * 60 * 60_000;
/** A process that died while it tried a password holds its login no longer. */
const LONGEST_ATTEMPT = 10_000;
const NEXT_TRY = 1_000;

/** So many people of one resource are not told apart, whoever of them is still there. */
const AMBIGUOUS = 10;
const BY_RESOURCE = 'by-resource';

export class Users {
  readonly #parts: UsersParts;
  #nobody: Promise<string> | undefined;

  constructor(parts: UsersParts) {
    this.#parts = parts;
  }

  /** Throws UserError with all that is wrong. */
  async add(wanted: WantedUser): Promise<RegisteredUser> {
    const checked = soundUser(wanted);
    if ('problems' in checked) throw new UserError(checked.problems);
    const { records, clock, newId } = this.#parts;
    const { password, ...sound } = checked.sound;
    const subject = newId();
    const user: RegisteredUser = {
      subject,
      ...sound,
      ...(password === undefined ? {} : { password: await hashSecret(password, this.#parts.passwordCost) }),
      status: 'active',
      created: clock.now(),
    };
    if (!(await records.insert(KIND.login, foldedLogin(sound.login), subject))) {
      throw new LoginTakenError(sound.login);
    }
    await this.#listByResource(user);
    await this.#save(user);
    return user;
  }

  async get(subject: string): Promise<RegisteredUser | undefined> {
    const value = await this.#parts.records.get(KIND.user, subject);
    return value === undefined ? undefined : readValue<RegisteredUser>(value);
  }

  async byLogin(login: string): Promise<RegisteredUser | undefined> {
    const subject = await this.#parts.records.get(KIND.login, foldedLogin(login));
    return subject === undefined ? undefined : this.get(subject);
  }

  /** Who is this resource; undefined where nobody is, or several are. */
  async byFhirUser(reference: string): Promise<RegisteredUser | undefined> {
    await this.#listAll();
    const from = `${reference} `;
    const page = await this.#parts.records.list(KIND.userOfResource, from, AMBIGUOUS);
    const subjects = page.flatMap(({ name }) => (name.startsWith(from) ? [name.slice(from.length)] : []));
    // Who was added half, because the server stopped in between, is nobody.
    const found = (await Promise.all(subjects.map((subject) => this.get(subject)))).flatMap(
      (user) => user ?? [],
    );
    return subjects.length < AMBIGUOUS && found.length === 1 ? found[0] : undefined;
  }

  /** People of before this list was kept are put on it once; all others are on it from the beginning. */
  async #listAll(): Promise<void> {
    const { records } = this.#parts;
    if ((await records.get(KIND.userList, BY_RESOURCE)) !== undefined) return;
    for (const user of await this.list()) await this.#listByResource(user);
    await records.put(KIND.userList, BY_RESOURCE, '');
  }

  #listByResource({ fhirUser, subject }: RegisteredUser): Promise<void> {
    return this.#parts.records.put(KIND.userOfResource, `${fhirUser} ${subject}`, '');
  }

  async list(): Promise<readonly RegisteredUser[]> {
    const all: RegisteredUser[] = [];
    for (;;) {
      const page = await this.page(all.at(-1)?.subject ?? '', PAGE);
      all.push(...page);
      if (page.length < PAGE) return all;
    }
  }

  /** At most so many, in the order of their subjects, behind the one of this subject. */
  async page(after: string, count: number): Promise<readonly RegisteredUser[]> {
    const page = await this.#parts.records.list(KIND.user, after, count);
    return page.map(({ value }) => readValue<RegisteredUser>(value));
  }

  async setStatus(login: string, status: RegisteredUser['status']): Promise<RegisteredUser> {
    const user = { ...(await this.existing(login)), status };
    await this.#save(user);
    return user;
  }

  /** Whoever waits because of wrong passwords need not wait any longer. */
  async setPassword(login: string, password: string): Promise<RegisteredUser> {
    const problem = passwordProblem(password);
    if (problem !== undefined) throw new UserError([problem]);
    const hash = await hashSecret(password, this.#parts.passwordCost);
    const user = { ...(await this.existing(login)), password: hash };
    await this.#save(user);
    await this.#parts.records.remove(KIND.failures, attemptName(login));
    return user;
  }

  async signIn(login: string, password: string): Promise<SignInOutcome> {
    const { records, clock } = this.#parts;
    const name = attemptName(login);
    const waiting = await this.#wait(name);
    if (waiting !== undefined) return waiting;
    const expires = clock.now() + LONGEST_ATTEMPT;
    if (!(await records.insert(KIND.attempt, name, '', { expires }))) {
      return { kind: 'waiting', until: clock.now() + NEXT_TRY };
    }
    try {
      // Somebody else may have failed between the look and the turn.
      return (await this.#wait(name)) ?? (await this.#try(name, login, password));
    } finally {
      await records.remove(KIND.attempt, name);
    }
  }

  async #try(name: string, login: string, password: string): Promise<SignInOutcome> {
    const { records, clock } = this.#parts;
    const user = await this.byLogin(login);
    // The same work whether there is such a person or not: how long it takes tells nothing.
    this.#nobody ??= hashSecret(newSecret(), this.#parts.passwordCost);
    const isRight = await isSecretOf(password, user?.password ?? (await this.#nobody));
    if (user?.password !== undefined && isRight && user.status === 'active') {
      await records.remove(KIND.failures, name);
      return { kind: 'signed-in', user };
    }
    const now = clock.now();
    const count = ((await this.#failures(name))?.count ?? 0) + 1;
    const wait =
      count < FREE_FAILURES ? 0 : Math.min(FIRST_WAIT * 2 ** (count - FREE_FAILURES), LONGEST_WAIT);
    const failures: Failures = { count, until: now + wait };
    await records.put(KIND.failures, name, writeValue(failures), { expires: now + REMEMBERED });
    return { kind: 'refused' };
  }

  async #wait(name: string): Promise<SignInOutcome | undefined> {
    const until = (await this.#failures(name))?.until ?? 0;
    return until > this.#parts.clock.now() ? { kind: 'waiting', until } : undefined;
  }

  async #failures(name: string): Promise<Failures | undefined> {
    const value = await this.#parts.records.get(KIND.failures, name);
    return value === undefined ? undefined : readValue<Failures>(value);
  }

  /** Throws UserError where there is no such login. */
  async existing(login: string): Promise<RegisteredUser> {
    const user = await this.byLogin(login);
    if (user === undefined)
      throw new UserError([`There is no login ${login}: fairway user list shows them.`]);
    return user;
  }

  #save(user: RegisteredUser): Promise<void> {
    return this.#parts.records.put(KIND.user, user.subject, writeValue(user));
  }
}

/** What was typed as a login may be a password that slipped: it is kept as a hash alone. */
function attemptName(login: string): string {
  return tokenHash(foldedLogin(login));
}

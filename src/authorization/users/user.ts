/**
 * A person who may sign in here, and what a person must be described by to be added.
 *
 * Invariant: whoever a person is in the records of care is one FHIR resource; what they may open beyond it is said by
 * patients and roles, never guessed.
 */
export interface RegisteredUser {
  /** The `sub` of id_tokens: says nothing of the person. */
  readonly subject: string;
  readonly login: string;
  /** See clients/secret.ts; absent: signs in by the hospital's identity provider alone. */
  readonly password?: string;
  /** `Patient/123`. */
  readonly fhirUser: string;
  /** Of access policies: `patient`, `practitioner`, `administrator`, or the hospital's own. */
  readonly roles: readonly string[];
  /** Ids of the patients whose records this person opens as a patient or for one. */
  readonly patients: readonly string[];
  readonly status: 'active' | 'disabled';
  /** Milliseconds since 1970. */
  readonly created: number;
}

/** The role that the management of the server needs, beside its scope. */
export const ADMINISTRATOR = 'administrator';

export interface WantedUser {
  readonly login: string;
  /** Undefined: the person signs in by the hospital's identity provider alone. */
  readonly password: string | undefined;
  readonly fhirUser: string;
  readonly roles: readonly string[];
  readonly patients: readonly string[];
}

/** What a person may be. https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#fhiruser */
const PERSONS: Readonly<Record<string, string>> = {
  Patient: 'patient',
  RelatedPerson: 'patient',
  Person: 'patient',
  Practitioner: 'practitioner',
  PractitionerRole: 'practitioner',
};
const ID = /^[A-Za-z0-9.-]{1,64}$/;
const ROLE = /^[a-z][a-z0-9-]{0,63}$/;
const LONGEST_LOGIN = 128;
const PASSWORD = { least: 8, most: 256 } as const;

/** A login as it is compared: people do not remember what they wrote in capitals. */
export function foldedLogin(login: string): string {
  return login.normalize('NFKC').trim().toLowerCase();
}

/** With roles and patients filled in from what the person is; or all that is wrong with it. */
export function soundUser(
  wanted: WantedUser,
): { readonly sound: WantedUser } | { readonly problems: readonly string[] } {
  const [type = '', id = '', ...rest] = wanted.fhirUser.split('/');
  const problems = [
    ...loginProblems(wanted),
    ...wanted.patients.filter((one) => !ID.test(one)).map(noPatient),
  ];
  const role = Object.hasOwn(PERSONS, type) ? PERSONS[type] : undefined;
  if (role === undefined || rest.length > 0 || !ID.test(id)) {
    problems.push(
      `Who the person is must be one of ${Object.keys(PERSONS).join(', ')} with its id, as Patient/123.`,
    );
  }
  for (const one of wanted.roles) {
    if (!ROLE.test(one)) problems.push(`The role ${one} must be small letters, digits and hyphens.`);
  }
  if (problems.length > 0 || role === undefined) return { problems };
  return {
    sound: {
      ...wanted,
      login: wanted.login.trim(),
      roles: wanted.roles.length > 0 ? wanted.roles : [role],
      patients: type === 'Patient' ? [...new Set([id, ...wanted.patients])] : wanted.patients,
    },
  };
}

export function passwordProblem(password: string): string | undefined {
  const { least, most } = PASSWORD;
  if (password.length >= least && password.length <= most) return undefined;
  return `The password must have ${least} to ${most} characters.`;
}

function loginProblems({ login, password }: WantedUser): string[] {
  const folded = foldedLogin(login);
  const length = password === undefined ? undefined : passwordProblem(password);
  return [
    ...(folded === '' || folded.length > LONGEST_LOGIN
      ? [`The login must have 1 to ${LONGEST_LOGIN} characters.`]
      : []),
    ...(length === undefined ? [] : [length]),
  ];
}

function noPatient(id: string): string {
  return `The patient ${id} is no id of a resource.`;
}

/**
 * `fairway user`: the people who may sign in here. Works while the server runs, which knows of a change with the next
 * request.
 *
 * Invariant: a password comes in by standard input alone: arguments are seen by every program of the machine.
 */
import { Command, Option } from 'commander';
import type { RegisteredUser, WantedUser } from '../authorization/users/user.js';
import { userJson } from '../authorization/users/user-json.js';
import type { JsonValue } from '../fhir/format/json.js';
import { serialisePretty } from '../fhir/format/serialise.js';

export interface UserRegistry {
  add(wanted: WantedUser): Promise<RegisteredUser>;
  list(): Promise<readonly RegisteredUser[]>;
  setStatus(login: string, status: RegisteredUser['status']): Promise<RegisteredUser>;
  setPassword(login: string, password: string): Promise<RegisteredUser>;
  /** Whether there was an account that the person signed in with elsewhere. */
  unlink(login: string): Promise<boolean>;
}

export interface UserDeps {
  readonly withUsers: <T>(work: (users: UserRegistry) => Promise<T>) => Promise<T>;
  /** All of standard input. */
  readonly readInput: () => Promise<string>;
  readonly output: { write(text: string): unknown };
}

const EXAMPLES = `
Examples:
  printf %s "$PASSWORD" | fairway user add --login ada --fhir-user Patient/ada --password-stdin
  … | fairway user add --login mum --fhir-user RelatedPerson/7 --patient ada --patient ben --password-stdin
  … | fairway user add --login drgrey --fhir-user Practitioner/grey --password-stdin
  … | fairway user add --login root --fhir-user Practitioner/grey --role practitioner --role administrator --password-stdin
  fairway user list
  fairway user disable ada         signs in no more; fairway user enable brings it back
  … | fairway user password ada --password-stdin
  fairway user add --login mae --fhir-user Practitioner/mae --without-password    signs in at the hospital's provider
  fairway user unlink mae          takes another account there for mae's`;

interface AddOptions {
  readonly login: string;
  readonly fhirUser: string;
  readonly role: readonly string[];
  readonly patient: readonly string[];
  readonly passwordStdin?: true;
  readonly withoutPassword?: true;
  readonly json?: true;
}

export function userCommand(deps: UserDeps): Command {
  const command = new Command('user')
    .description('Manages the people who may sign in')
    .addHelpText('after', EXAMPLES);
  command.addCommand(addCommand(deps));
  command.addCommand(listCommand(deps));
  command.addCommand(statusCommand(deps, 'disable', 'disabled', 'Lets a person sign in no more'));
  command.addCommand(statusCommand(deps, 'enable', 'active', 'Lets a person sign in who was disabled'));
  command.addCommand(passwordCommand(deps));
  command.addCommand(unlinkCommand(deps));
  return command;
}

function addCommand(deps: UserDeps): Command {
  return new Command('add')
    .description('Adds a person and writes their subject, by which tokens name them')
    .requiredOption('--login <login>', 'what they sign in with')
    .requiredOption(
      '--fhir-user <reference>',
      'who they are: Patient/ID, Practitioner/ID, RelatedPerson/ID …',
    )
    .option('--role <role>', 'of the access policies; may be given several times', collect, [])
    .option('--patient <id>', 'a patient whose record they open; may be given several times', collect, [])
    .option('--password-stdin', 'read the password from standard input')
    .option('--without-password', 'they sign in at the OpenID provider of the hospital alone')
    .addOption(jsonOption())
    .action(async ({ login, fhirUser, role, patient, passwordStdin, withoutPassword, json }: AddOptions) => {
      const password = withoutPassword === true ? undefined : await passwordOf(deps, passwordStdin);
      const wanted = { login, password, fhirUser, roles: role, patients: patient };
      const user = await deps.withUsers((users) => users.add(wanted));
      deps.output.write(json === true ? asJson(userJson(user)) : line(user));
    });
}

function listCommand({ withUsers, output }: UserDeps): Command {
  return new Command('list')
    .description('Lists the people who may sign in')
    .addOption(jsonOption())
    .action(async ({ json }: { json?: true }) => {
      const all = await withUsers((users) => users.list());
      if (json === true) output.write(asJson(all.map(userJson)));
      else for (const user of all) output.write(line(user));
    });
}

function statusCommand(
  { withUsers, output }: UserDeps,
  word: string,
  status: RegisteredUser['status'],
  about: string,
): Command {
  return new Command(word)
    .description(about)
    .argument('<login>', 'the person')
    .action(async (login: string) => {
      output.write(line(await withUsers((users) => users.setStatus(login, status))));
    });
}

function passwordCommand(deps: UserDeps): Command {
  return new Command('password')
    .description('Gives a person another password')
    .argument('<login>', 'the person')
    .option('--password-stdin', 'read the password from standard input')
    .action(async (login: string, { passwordStdin }: { passwordStdin?: true }) => {
      const password = await passwordOf(deps, passwordStdin);
      deps.output.write(line(await deps.withUsers((users) => users.setPassword(login, password))));
    });
}

function unlinkCommand({ withUsers, output }: UserDeps): Command {
  return new Command('unlink')
    .description(
      'Forgets which account of the OpenID provider a person signs in with: the next one that fits is taken',
    )
    .argument('<login>', 'the person')
    .action(async (login: string) => {
      const was = await withUsers((users) => users.unlink(login));
      output.write(
        was ? `${login} has no account elsewhere any more\n` : `${login} had no account elsewhere\n`,
      );
    });
}

async function passwordOf({ readInput }: UserDeps, fromInput: true | undefined): Promise<string> {
  if (fromInput !== true) {
    throw new Error(
      'Give the password on standard input, with --password-stdin (arguments are seen by others), or say --without-password.',
    );
  }
  return (await readInput()).replace(/\r?\n$/, '');
}

function jsonOption(): Option {
  return new Option('--json', 'write JSON');
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function line({ subject, login, status, fhirUser, roles, patients }: RegisteredUser): string {
  const opens = patients.length === 0 ? '' : `  patients: ${patients.join(', ')}`;
  return `${subject}  ${status.padEnd(8)}  ${login}  ${fhirUser}  roles: ${roles.join(', ')}${opens}\n`;
}

function asJson(value: JsonValue): string {
  return `${serialisePretty(value)}\n`;
}

/** `fairway user`: the people who sign in. Works while the server runs. */
import { Command } from 'commander';
import type { User, WantedUser } from '../authorization/users/users.js';

export interface UserDeps {
  readonly addUser: (wanted: WantedUser) => Promise<User>;
  /** All of standard input. */
  readonly readInput: () => Promise<string>;
  readonly output: { write(text: string): unknown };
}

const EXAMPLES = `
Examples:
  fairway user add --login anna@example.org --fhir-user Patient/1 --password-stdin < password.txt
  fairway user add --login dr.smith --fhir-user Practitioner/7 --password-stdin

A password has 12 characters or more; it is read from standard input, for what stands in a command line can be seen by others.`;

export function userCommand({ addUser, readInput, output }: UserDeps): Command {
  const command = new Command('user')
    .description('Manages the people who sign in')
    .addHelpText('after', EXAMPLES);
  command.addCommand(
    new Command('add')
      .description('Adds a person')
      .requiredOption('--login <login>', 'the name to sign in with')
      .requiredOption('--fhir-user <reference>', 'Patient/ID, RelatedPerson/ID or Practitioner/ID')
      .requiredOption('--password-stdin', 'read the password from standard input')
      .action(async ({ login, fhirUser }: { login: string; fhirUser: string }) => {
        const password = (await readInput()).replace(/\r?\n$/, '');
        const user = await addUser({ login, fhirUser, password });
        output.write(`${user.login}  ${fhirUser}  ${user.subject}\n`);
      }),
  );
  return command;
}

/**
 * `fairway client`: which applications and services may ask for access. Works while the server runs, which knows of a
 * change with its next request.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#step-1-register
 *
 * Invariant: a secret is written once, by the command that made it.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { ClientStatus, RegisteredClient } from '../authorization/clients/client.js';
import { clientJson, madeClientJson } from '../authorization/clients/client-json.js';
import type { MadeClient } from '../authorization/clients/clients.js';
import type { MadeInitialToken, WantedInitialToken } from '../authorization/clients/initial-tokens.js';
import type { WantedClient } from '../authorization/clients/registration.js';
import type { JsonValue } from '../fhir/format/json.js';
import { serialisePretty } from '../fhir/format/serialise.js';
import { countOf } from './units.js';

export interface ClientRegistry {
  add(wanted: WantedClient): Promise<MadeClient>;
  list(): Promise<readonly RegisteredClient[]>;
  setStatus(id: string, status: ClientStatus): Promise<RegisteredClient>;
  rotate(id: string, jwks: string | undefined): Promise<MadeClient>;
}

export interface InitialTokenRegistry {
  make(wanted: WantedInitialToken): Promise<MadeInitialToken>;
  endAll(): Promise<number>;
}

export interface ClientDeps {
  readonly withClients: <T>(work: (clients: ClientRegistry) => Promise<T>) => Promise<T>;
  readonly withInitialTokens: <T>(work: (tokens: InitialTokenRegistry) => Promise<T>) => Promise<T>;
  readonly readFile: (file: string) => string;
  readonly output: { write(text: string): unknown };
}

const EXAMPLES = `
Examples:
  fairway client add --type public --redirect-uri https://app.example.org/back \\
      --scope "launch/patient openid fhirUser patient/*.rs"
  fairway client add --type confidential --redirect-uri https://app.example.org/back --scope "patient/*.rs"
  fairway client add --type backend --jwks keys.json --scope "system/*.rs"
  fairway client list
  fairway client disable 0190…     its tokens die at once; fairway client enable brings it back
  fairway client rotate 0190…      a new secret; with --jwks FILE new keys
  fairway client token --uses 5 --days 7      a token by which five clients register themselves`;

interface AddOptions {
  readonly type: string;
  readonly name?: string;
  readonly redirectUri: readonly string[];
  readonly postLogoutRedirectUri: readonly string[];
  readonly represents: readonly string[];
  readonly scope: string;
  readonly jwks?: string;
  readonly jwksUrl?: string;
  readonly json?: true;
}

export function clientCommand(deps: ClientDeps): Command {
  const command = new Command('client')
    .description('Manages the applications and services that may ask for access')
    .addHelpText('after', EXAMPLES);
  command.addCommand(addCommand(deps));
  command.addCommand(listCommand(deps));
  command.addCommand(
    statusCommand(deps, 'disable', 'disabled', 'Lets a client in no more; its tokens die at once'),
  );
  command.addCommand(statusCommand(deps, 'enable', 'active', 'Lets a client in that was disabled or waits'));
  command.addCommand(rotateCommand(deps));
  command.addCommand(tokenCommand(deps));
  return command;
}

function addCommand({ withClients, readFile, output }: ClientDeps): Command {
  return new Command('add')
    .description('Registers a client and writes its id, and its secret if it has one')
    .requiredOption(
      '--type <type>',
      'public (keeps no secret), confidential (a server), backend (no person signs in)',
    )
    .option('--name <name>', 'what people shall call it')
    .option('--redirect-uri <url>', 'where codes may be sent; may be given several times', collect, [])
    .option(
      '--post-logout-redirect-uri <url>',
      'where people may be led when they have signed out; may be given several times',
      collect,
      [],
    )
    .option(
      '--represents <reference>',
      'Organization/ID or Device/ID by which Consents name a backend client; may be given several times',
      collect,
      [],
    )
    .requiredOption('--scope <scopes>', 'what it may be granted at most, with blanks between')
    .option('--jwks <file>', 'its public keys (a JWKS)')
    .option('--jwks-url <url>', 'where it publishes its public keys')
    .addOption(jsonOption())
    .action(async (options: AddOptions) => {
      const { type, name, redirectUri, postLogoutRedirectUri, scope, jwks, jwksUrl, json } = options;
      const { represents } = options;
      const uris = { redirectUris: redirectUri, postLogoutRedirectUris: postLogoutRedirectUri };
      const wanted = { type, name, ...uris, represents, scope, jwksUrl };
      const keys = jwks === undefined ? undefined : readFile(jwks);
      const made = await withClients((clients) => clients.add({ ...wanted, jwks: keys }));
      output.write(json === true ? asJson(madeClientJson(made)) : madeText(made));
    });
}

function listCommand({ withClients, output }: ClientDeps): Command {
  return new Command('list')
    .description('Lists the registered clients')
    .addOption(jsonOption())
    .action(async ({ json }: { json?: true }) => {
      const all = await withClients((clients) => clients.list());
      if (json === true) output.write(asJson(all.map(clientJson)));
      else for (const client of all) output.write(line(client));
    });
}

function statusCommand(
  { withClients, output }: ClientDeps,
  word: string,
  status: ClientStatus,
  about: string,
): Command {
  return new Command(word)
    .description(about)
    .argument('<id>', 'the client')
    .action(async (id: string) => {
      output.write(line(await withClients((clients) => clients.setStatus(id, status))));
    });
}

function rotateCommand({ withClients, readFile, output }: ClientDeps): Command {
  return new Command('rotate')
    .description('Makes a new secret, or takes new keys, in the place of the old')
    .argument('<id>', 'the client')
    .option('--jwks <file>', 'its new public keys (a JWKS)')
    .addOption(jsonOption())
    .action(async (id: string, { jwks, json }: { jwks?: string; json?: true }) => {
      const keys = jwks === undefined ? undefined : readFile(jwks);
      const made = await withClients((clients) => clients.rotate(id, keys));
      output.write(json === true ? asJson(madeClientJson(made)) : madeText(made));
    });
}

const DAY = 24 * 3600 * 1000;

function tokenCommand({ withInitialTokens, output }: ClientDeps): Command {
  return new Command('token')
    .description('Makes an initial access token: whoever holds it may register clients at /auth/register')
    .option('--uses <number>', 'how many clients, up to 1000', wholeNumber, 1)
    .option('--days <number>', 'how long it lives, up to 90 days', wholeNumber, 1)
    .option('--end-all', 'make none, and end all that there are')
    .addOption(jsonOption())
    .action(async ({ uses, days, endAll, json }: TokenOptions) => {
      if (endAll === true) {
        const ended = await withInitialTokens((tokens) => tokens.endAll());
        output.write(`ended: ${countOf(ended, 'initial access token', 'initial access tokens')}\n`);
        return;
      }
      const made = await withInitialTokens((tokens) => tokens.make({ uses, life: days * DAY }));
      output.write(json === true ? asJson(tokenJson(made)) : tokenText(made));
    });
}

interface TokenOptions {
  readonly uses: number;
  readonly days: number;
  readonly endAll?: true;
  readonly json?: true;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function tokenText({ token, uses, expires }: MadeInitialToken): string {
  const until = new Date(expires).toISOString();
  return `initial access token  ${token}    (shown this once)\nfor ${countOf(uses, 'client', 'clients')}, until ${until}\n`;
}

function tokenJson({ token, uses, expires }: MadeInitialToken): JsonValue {
  return { initial_access_token: token, uses, expires: new Date(expires).toISOString() };
}

function jsonOption(): Option {
  return new Option('--json', 'write JSON');
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function madeText({ client, secret }: MadeClient): string {
  const lines = [`client_id      ${client.id}`];
  if (secret !== undefined) lines.push(`client_secret  ${secret}    (shown this once)`);
  if (client.status === 'pending') lines.push(`It waits for: fairway client enable ${client.id}`);
  return `${lines.join('\n')}\n`;
}

function line({ id, status, type, name, scope }: RegisteredClient): string {
  return `${id}  ${status.padEnd(8)}  ${type.padEnd(12)}  ${name}  (${scope})\n`;
}

function asJson(value: JsonValue): string {
  return `${serialisePretty(value)}\n`;
}

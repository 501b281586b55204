/**
 * The configuration: a JSON file and the environment, read once into one value. The environment wins.
 *
 * Invariant: a configuration that is not right in every setting is not used at all; all its problems are told at once.
 */
import { type Policies, readPolicies } from './access/policies.js';
import { environmentName, SETTINGS, type Setting, type SettingName } from './config-schema.js';
import { isNumber, isObject, type JsonValue, numberOf } from './fhir/format/json.js';
import { JsonSyntaxError, parseJson } from './fhir/format/parse.js';
import { nearest } from './fhir/search/nearest.js';
import { isLoopback } from './http/loopback.js';
import { readSources, type Sources } from './jobs/source/source-settings.js';
import { BLOB_NAME } from './ports/blobs.js';

type ValueOf<S> = S extends { readonly type: 'integer' }
  ? number
  : S extends { readonly type: 'boolean' }
    ? boolean
    : S extends { readonly type: 'choice'; readonly choices: readonly (infer Choice)[] }
      ? Choice
      : S extends { readonly type: 'optional' }
        ? string | undefined
        : S extends { readonly type: 'policies' }
          ? Policies
          : S extends { readonly type: 'sources' }
            ? Sources
            : string;

export type Config = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> };

export type Environment = Readonly<Record<string, string | undefined>>;

export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly string[]) {
    super(
      problems.length === 1
        ? (problems[0] ?? '')
        : `${problems.length} problems with the configuration:\n  ${problems.join('\n  ')}`,
    );
  }
}

export interface ConfigFile {
  readonly name: string;
  readonly text: string;
}

/** Throws ConfigError with all problems. */
export function readConfig(file: ConfigFile | undefined, environment: Environment): Config {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  const written = file === undefined ? new Map<string, JsonValue>() : fileValues(file, problems);
  for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
    const variable = environmentName(name);
    const text = environment[variable];
    const inFile = written.get(name);
    if (text !== undefined && text !== '') values[name] = fromText(setting, text, variable, problems);
    else if (inFile !== undefined)
      values[name] = fromJson(setting, inFile, `${name} in ${file?.name}`, problems);
    else values[name] = setting.type === 'optional' ? undefined : setting.default;
  }
  for (const [variable, problem] of Object.entries(NOT_YET)) {
    if (!['', '0'].includes(environment[variable] ?? '')) problems.push(problem);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const config = values as Config; // the loop gave every setting a value of its type, or a problem
  const contradictions = CONTRADICTIONS.flatMap((find) => find(config) ?? []);
  if (contradictions.length > 0) throw new ConfigError(contradictions);
  return Object.freeze(config);
}

/** Variables that look like settings and are none, each with what was probably meant. */
export function strangeVariables(environment: Environment): readonly string[] {
  const known = new Set([...Object.keys(SETTINGS).map(environmentName), ...OTHER_VARIABLES]);
  return Object.keys(environment)
    .filter((name) => name.startsWith('FAIRWAY_') && !known.has(name))
    .map((name) => `${name} is no setting${didYouMean(name, known)}`);
}

/** Read by the command line itself. */
const OTHER_VARIABLES = ['FAIRWAY_CONFIG', 'FAIRWAY_DEBUG', 'FAIRWAY_MONGODB_URL', 'FAIRWAY_MLLP_PORT'];

/** Settings of later versions: whoever sets them counts on what is not there. */
const NOT_YET: Readonly<Record<string, string>> = {
  FAIRWAY_MONGODB_URL:
    'FAIRWAY_MONGODB_URL: this version has the embedded store alone; leave the variable out.',
  FAIRWAY_MLLP_PORT:
    'FAIRWAY_MLLP_PORT: this version has no HL7 v2 listener; leave the variable out or set it to 0.',
};

function didYouMean(name: string, known: Iterable<string>): string {
  const [near] = nearest(name, known);
  return near === undefined ? '' : `: did you mean ${near}?`;
}

function fileValues(file: ConfigFile, problems: string[]): Map<string, JsonValue> {
  const values = new Map<string, JsonValue>();
  const tree = parseFile(file, problems);
  if (tree === undefined) return values;
  if (!isObject(tree)) {
    problems.push(`${file.name} must hold a JSON object.`);
    return values;
  }
  for (const [name, value] of Object.entries(tree)) {
    if (Object.hasOwn(SETTINGS, name)) values.set(name, value);
    else if (name !== '$schema') {
      problems.push(`${name} in ${file.name} is no setting${didYouMean(name, Object.keys(SETTINGS))}`);
    }
  }
  return values;
}

function parseFile(file: ConfigFile, problems: string[]): JsonValue | undefined {
  try {
    return parseJson(file.text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    problems.push(`${file.name} is not JSON: ${error.message}`);
    return undefined;
  }
}

const SWITCH: Readonly<Record<string, boolean>> = { on: true, true: true, off: false, false: false };

function fromText(setting: Setting, text: string, name: string, problems: string[]): unknown {
  switch (setting.type) {
    case 'integer':
      return fromJson(setting, /^\d{1,15}$/.test(text) ? Number(text) : text, name, problems);
    case 'boolean':
      return fromJson(setting, SWITCH[text.toLowerCase()] ?? text, name, problems);
    case 'policies':
    case 'sources': {
      const value = parseFile({ name, text }, problems);
      return value === undefined ? undefined : fromJson(setting, value, name, problems);
    }
    default:
      return fromJson(setting, text, name, problems);
  }
}

/** The value, or undefined with its problem added. */
function fromJson(setting: Setting, value: JsonValue, name: string, problems: string[]): unknown {
  if (setting.type === 'policies') return policiesFrom(value, name, problems);
  if (setting.type === 'sources') {
    const sources = readSources(value);
    if (!isProblems(sources)) return sources;
    problems.push(...sources.problems.map((problem) => `${name}: ${problem}.`));
    return undefined;
  }
  const wanted = expectation(setting, value);
  if (wanted === undefined) return isNumber(value) ? numberOf(value) : value;
  problems.push(`${name} must be ${wanted}.`);
  return undefined;
}

/** A source may be called `problems`, but its settings are no list. */
function isProblems(
  read: Sources | { readonly problems: readonly string[] },
): read is { readonly problems: readonly string[] } {
  return Array.isArray(read.problems);
}

function policiesFrom(value: JsonValue, name: string, problems: string[]): unknown {
  // Which types there are is not known before the definitions are read.
  const read = readPolicies(value, (type) => /^[A-Z][A-Za-z]+$/.test(type));
  if (!('problems' in read)) return read;
  problems.push(...read.problems.map((problem) => `${name}: ${problem}.`));
  return undefined;
}

/** What the value should have been; undefined where it is right. */
function expectation(
  setting: Exclude<Setting, { type: 'policies' | 'sources' }>,
  value: JsonValue,
): string | undefined {
  switch (setting.type) {
    case 'integer': {
      const { minimum, maximum } = setting;
      const number = isNumber(value) ? numberOf(value) : Number.NaN;
      const fits = Number.isInteger(number) && number >= minimum && number <= maximum;
      return fits ? undefined : `a whole number from ${minimum} to ${maximum}`;
    }
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'true or false (on or off in the environment)';
    case 'choice':
      return typeof value === 'string' && setting.choices.includes(value)
        ? undefined
        : `${setting.choices.join(' or ')} in this version`;
    default:
      return typeof value === 'string' && value !== '' ? undefined : 'a text that is not empty';
  }
}

const SHORTEST_SECRET = 32;

/** Settings that are right each by itself but not together. */
const CONTRADICTIONS: readonly ((config: Config) => string | undefined)[] = [
  ({ tlsCert, tlsKey }) =>
    (tlsCert === undefined) === (tlsKey === undefined)
      ? undefined
      : 'FAIRWAY_TLS_CERT and FAIRWAY_TLS_KEY go together: set both for https, or none.',
  ({ auth, host }) =>
    auth !== 'open' || isLoopback(host)
      ? undefined
      : `FAIRWAY_AUTH=open lets everyone in who can connect, so it is allowed on a loopback address only, not on ` +
        `${host}: set FAIRWAY_HOST=127.0.0.1.`,
  ({ defaultCount, maxCount }) =>
    defaultCount <= maxCount
      ? undefined
      : 'FAIRWAY_DEFAULT_COUNT must not be greater than FAIRWAY_MAX_COUNT.',
  ({ secretKey }) =>
    secretKey === undefined || secretKey.length >= SHORTEST_SECRET
      ? undefined
      : `FAIRWAY_SECRET_KEY must have ${SHORTEST_SECRET} characters or more: openssl rand -base64 32 makes one.`,
  ({ trustedIssuer, trustedKeySetUrl }) =>
    (trustedIssuer === undefined) === (trustedKeySetUrl === undefined)
      ? undefined
      : 'FAIRWAY_TRUSTED_ISSUER and FAIRWAY_TRUSTED_KEY_SET_URL go together: set both, or none.',
  ({ trustedKeySetUrl }) =>
    trustedKeySetUrl === undefined || isBase(trustedKeySetUrl)
      ? undefined
      : 'FAIRWAY_TRUSTED_KEY_SET_URL must be an http or https URL.',
  ({ introspectionUrl, introspectionIssuer, introspectionClientId }) =>
    new Set([introspectionUrl, introspectionIssuer, introspectionClientId].map((one) => one === undefined))
      .size === 1
      ? undefined
      : 'FAIRWAY_INTROSPECTION_URL, FAIRWAY_INTROSPECTION_ISSUER and FAIRWAY_INTROSPECTION_CLIENT_ID go together: set ' +
        'them all, or none.',
  ({ introspectionUrl, introspectionSecretFile, introspectionKeyFile }) =>
    [introspectionSecretFile, introspectionKeyFile].filter((one) => one !== undefined).length ===
    (introspectionUrl === undefined ? 0 : 1)
      ? undefined
      : 'FAIRWAY_INTROSPECTION_URL needs one of FAIRWAY_INTROSPECTION_SECRET_FILE and FAIRWAY_INTROSPECTION_KEY_FILE, ' +
        'which are nothing without it.',
  ({ introspectionUrl, fetchHttp }) =>
    introspectionUrl === undefined || isIssuer(introspectionUrl, fetchHttp)
      ? undefined
      : 'FAIRWAY_INTROSPECTION_URL must be an https URL without user, query and fragment (http needs FAIRWAY_FETCH_HTTP=on).',
  ({ introspectionIssuer, trustedIssuer }) =>
    introspectionIssuer === undefined || introspectionIssuer !== trustedIssuer
      ? undefined
      : 'FAIRWAY_INTROSPECTION_ISSUER and FAIRWAY_TRUSTED_ISSUER are the same: its tokens are checked by its keys, or asked about.',
  ({ upstreamIssuer, upstreamClientId }) =>
    (upstreamIssuer === undefined) === (upstreamClientId === undefined)
      ? undefined
      : 'FAIRWAY_UPSTREAM_ISSUER and FAIRWAY_UPSTREAM_CLIENT_ID go together: set both, or none.',
  ({ upstreamIssuer, fetchHttp }) =>
    upstreamIssuer === undefined || isIssuer(upstreamIssuer, fetchHttp)
      ? undefined
      : 'FAIRWAY_UPSTREAM_ISSUER must be an https URL without user, query and fragment (http needs FAIRWAY_FETCH_HTTP=on).',
  ({ upstreamScopes }) =>
    upstreamScopes.split(' ').includes('openid')
      ? undefined
      : 'FAIRWAY_UPSTREAM_SCOPES must have openid among them: without it nobody says who signed in.',
  ({ passwordSignIn, upstreamIssuer }) =>
    passwordSignIn || upstreamIssuer !== undefined
      ? undefined
      : 'FAIRWAY_PASSWORD_SIGN_IN=off leaves no way to sign in: set FAIRWAY_UPSTREAM_ISSUER.',
  ({ files }) =>
    files === undefined || !isBucketUrl(files) || bucketOf(files) !== undefined
      ? undefined
      : 'FAIRWAY_FILES must be a folder, or s3:// with the name of a bucket and a path of letters, digits, . _ and -.',
  ({ files, s3AccessKeyId, s3SecretAccessKey }) =>
    files === undefined ||
    !isBucketUrl(files) ||
    (s3AccessKeyId !== undefined && s3SecretAccessKey !== undefined)
      ? undefined
      : 'FAIRWAY_FILES names a bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, which open it.',
  ({ s3Endpoint }) =>
    s3Endpoint === undefined || (isBase(s3Endpoint) && new URL(s3Endpoint).pathname === '/')
      ? undefined
      : 'FAIRWAY_S3_ENDPOINT must be an http or https URL of a host alone, without a path and a slash at its end.',
  ({ publicUrl }) =>
    publicUrl === undefined || isBase(publicUrl)
      ? undefined
      : 'FAIRWAY_PUBLIC_URL must be an http or https URL without user, query, fragment and slash at its end.',
];

function isBase(text: string): boolean {
  if (!URL.canParse(text) || text.endsWith('/')) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === '');
}

function isBucketUrl(files: string): boolean {
  return /^s3:/i.test(files);
}

/** Of `FAIRWAY_FILES`: undefined where it is a folder. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
export function bucketOf(
  files: string,
):
  | { readonly bucket: string /** Empty, or with a slash at its end. */; readonly prefix: string }
  | undefined {
  const [, bucket, path = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(files) ?? [];
  const prefix = path.replace(/\/$/, '');
  if (bucket === undefined || !(prefix === '' || BLOB_NAME.test(prefix))) return undefined;
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

/** Compared character by character with what tokens say: a slash at its end belongs to it. */
function isIssuer(text: string, plainHttp: boolean): boolean {
  const isAllowed = /^https:\/\//.test(text) || (plainHttp && /^http:\/\//.test(text));
  return isAllowed && isBase(text.replace(/\/$/, ''));
}

const CALLED_LOCALHOST: ReadonlySet<string> = new Set(['127.0.0.1', '::1', '0.0.0.0', '::']);

/** The URL of this server as clients see it, without a slash at its end. */
export function publicUrl(config: Config): string {
  if (config.publicUrl !== undefined) return config.publicUrl;
  const scheme = config.tlsCert === undefined ? 'http' : 'https';
  const host = CALLED_LOCALHOST.has(config.host) ? 'localhost' : config.host;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${config.port}`;
}

/** The authorization server's name: https://www.rfc-editor.org/rfc/rfc8414#section-2 */
export function issuerOf(config: Config): string {
  return `${publicUrl(config)}/auth`;
}

/**
 * The settings: one table from which follow the type `Config`, the environment variables, the JSON Schema of the
 * configuration file and its checks.
 * https://json-schema.org/draft/2020-12/schema
 *
 * Invariant: a setting's environment variable is FAIRWAY_ and its name in upper snake case, but for those that have a name
 * everywhere.
 */
import { DEFAULT_POLICIES, POLICIES_SCHEMA, type Policies } from './access/policies.js';
import type { JsonObject } from './fhir/format/json.js';
import { SOURCES_SCHEMA, type Sources } from './jobs/source/source-settings.js';

export type Setting =
  | {
      readonly type: 'integer';
      readonly minimum: number;
      readonly maximum: number;
      readonly default: number;
      readonly about: string;
    }
  | { readonly type: 'boolean'; readonly default: boolean; readonly about: string }
  | {
      readonly type: 'choice';
      readonly choices: readonly string[];
      readonly default: string;
      readonly about: string;
    }
  | { readonly type: 'text'; readonly default: string; readonly about: string }
  /** Text that may be left out. */
  | { readonly type: 'optional'; readonly about: string }
  /** What roles and clients may do, see access/policies.ts; in the environment as JSON. */
  | { readonly type: 'policies'; readonly default: Policies; readonly about: string }
  /** Servers to pull from, see jobs/source/source-settings.ts; in the environment as JSON. */
  | { readonly type: 'sources'; readonly default: Sources; readonly about: string };

const MINUTE = 60_000;
const MIB = 1024 * 1024;

export const SETTINGS = {
  port: {
    type: 'integer',
    minimum: 0,
    maximum: 65_535,
    default: 8080,
    about: 'port to listen on; 0 = any free one',
  },
  host: { type: 'text', default: '127.0.0.1', about: 'address to listen on; 0.0.0.0 = all' },
  dataDir: { type: 'text', default: './data', about: 'folder of the store' },
  files: {
    type: 'optional',
    about: 'where the files of jobs lie: a folder, or s3://bucket/prefix; by default the data folder',
  },
  s3Endpoint: {
    type: 'optional',
    about: 'the URL of the S3-compatible store of the bucket; by default that of Amazon in the region',
  },
  s3Region: { type: 'text', default: 'us-east-1', about: 'the region of the bucket' },
  s3PathStyle: {
    type: 'choice',
    choices: ['auto', 'on', 'off'],
    default: 'auto',
    about:
      'whether the bucket stands in the path of URLs, not in the host; auto = with an endpoint of its own',
  },
  s3AccessKeyId: { type: 'optional', about: 'the key that opens the bucket' },
  s3SecretAccessKey: { type: 'optional', about: 'its secret' },
  s3SessionToken: { type: 'optional', about: 'what goes with keys that were lent for a while' },
  store: { type: 'choice', choices: ['sqlite'], default: 'sqlite', about: 'kind of store' },
  auth: {
    type: 'choice',
    choices: ['open', 'smart'],
    default: 'smart',
    about: 'who may come in; open = everyone on this machine, on a loopback address only',
  },
  secretKey: {
    type: 'optional',
    about:
      'text of 32 characters or more that private keys in the store are encrypted with, instead of keys/sealing.key',
  },
  accessTokenLife: {
    type: 'integer',
    minimum: 30,
    maximum: 3600,
    default: 300,
    about: 'seconds that an access token lives',
  },
  signingKeyDays: {
    type: 'integer',
    minimum: 1,
    maximum: 3650,
    default: 90,
    about: 'days after which another key signs id_tokens',
  },
  clientApproval: {
    type: 'boolean',
    default: false,
    about: 'new clients wait until an administrator enables them',
  },
  trustedIssuer: {
    type: 'optional',
    about: 'another authorization server whose JWT access tokens are accepted: its issuer',
  },
  trustedAudience: {
    type: 'optional',
    about: 'the audience that its tokens must name; by default the FHIR base',
  },
  trustedKeySetUrl: { type: 'optional', about: 'where it publishes its keys (a JWKS)' },
  introspectionUrl: {
    type: 'optional',
    about:
      'where another authorization server tells whether a token is good (RFC 7662): its tokens are accepted',
  },
  introspectionIssuer: { type: 'optional', about: 'the issuer of these tokens' },
  introspectionAudience: {
    type: 'optional',
    about: 'the audience that these tokens must have; by default the FHIR base',
  },
  introspectionClientId: { type: 'optional', about: 'the client id with which this server asks there' },
  introspectionSecretFile: {
    type: 'optional',
    about: 'file with the secret with which this server asks there',
  },
  introspectionKeyFile: {
    type: 'optional',
    about: 'file with a private key (a JWK) with which this server asks there, instead of a secret',
  },
  upstreamIssuer: {
    type: 'optional',
    about: 'the OpenID provider at which the people of the hospital sign in: its issuer',
  },
  upstreamClientId: { type: 'optional', about: 'the client id that this server has there' },
  upstreamSecretFile: {
    type: 'optional',
    about: 'file with the secret that this server has there; without it this server is a public client',
  },
  upstreamScopes: {
    type: 'text',
    default: 'openid profile',
    about: 'the scopes that are asked for there, openid among them',
  },
  upstreamClaim: {
    type: 'text',
    default: 'preferred_username',
    about: 'the claim by which a person is found when they come from there for the first time',
  },
  upstreamMatch: {
    type: 'choice',
    choices: ['login', 'fhirUser'],
    default: 'login',
    about:
      'what that claim is: the login of a person, or the reference to their resource, which is then believed',
  },
  upstreamLabel: {
    type: 'text',
    default: 'Hospital account',
    about: 'what stands on the button that leads there',
  },
  passwordSignIn: {
    type: 'boolean',
    default: true,
    about: 'people sign in here with a password; off = at the OpenID provider alone',
  },
  publicUrl: { type: 'optional', about: 'the URL by which clients reach this server, without /fhir' },
  trustProxy: {
    type: 'boolean',
    default: false,
    about: 'believe X-Forwarded-Host and X-Forwarded-Proto of the proxy in front',
  },
  tlsCert: { type: 'optional', about: 'PEM file with the certificate chain: serve https' },
  tlsKey: { type: 'optional', about: 'PEM file with the private key' },
  demo: { type: 'boolean', default: false, about: 'load a small demo population into an empty store' },
  workers: { type: 'integer', minimum: 1, maximum: 128, default: 1, about: 'processes that serve one store' },
  logLevel: {
    type: 'choice',
    choices: ['silent', 'error', 'warn', 'info', 'debug'],
    default: 'info',
    about: 'info logs slow and failed requests, debug logs every request',
  },
  bodyLimit: {
    type: 'integer',
    minimum: 1024,
    maximum: 512 * MIB,
    default: 64 * MIB,
    about: 'largest request body in bytes, before and after decompression',
  },
  bodyBudget: {
    type: 'integer',
    minimum: 1024,
    maximum: 16 * 1024 * MIB,
    default: 512 * MIB,
    about: 'bytes that the bodies of all requests under way may take together, per process',
  },
  headerLimit: {
    type: 'integer',
    minimum: 4096,
    maximum: MIB,
    default: 32_768,
    about: 'largest head of a request in bytes; a URL may be half as long',
  },
  maxConnections: {
    type: 'integer',
    minimum: 1,
    maximum: 1_000_000,
    default: 10_000,
    about: 'open connections per process; more are closed at once',
  },
  headTimeLimit: {
    type: 'integer',
    minimum: 100,
    maximum: 10 * MINUTE,
    default: 15_000,
    about: 'milliseconds in which the head of a request must arrive',
  },
  receiveTimeLimit: {
    type: 'integer',
    minimum: 100,
    maximum: 60 * MINUTE,
    default: 2 * MINUTE,
    about: 'milliseconds in which a whole request must arrive',
  },
  requestTimeLimit: {
    type: 'integer',
    minimum: 100,
    maximum: 60 * MINUTE,
    default: 2 * MINUTE,
    about: 'milliseconds in which a request must be answered',
  },
  sendTimeLimit: {
    type: 'integer',
    minimum: 100,
    maximum: 60 * MINUTE,
    default: 30_000,
    about: 'milliseconds that a client may take nothing of an answer',
  },
  keepAliveTimeLimit: {
    type: 'integer',
    minimum: 0,
    maximum: 60 * MINUTE,
    default: 65_000,
    about: 'milliseconds after which an idle connection is closed',
  },
  shutdownTimeLimit: {
    type: 'integer',
    minimum: 0,
    maximum: 10 * MINUTE,
    default: 20_000,
    about: 'milliseconds that requests in flight have when the server stops',
  },
  searchTimeLimit: {
    type: 'integer',
    minimum: 10,
    maximum: 60 * MINUTE,
    default: 30_000,
    about: 'milliseconds that a search may take',
  },
  searchExplain: {
    type: 'choice',
    choices: ['auto', 'on', 'off'],
    default: 'auto',
    about: 'whether searches may ask by _explain how they are executed; auto = with open access alone',
  },
  defaultCount: {
    type: 'integer',
    minimum: 1,
    maximum: 10_000,
    default: 50,
    about: 'matches on a page without _count',
  },
  maxCount: {
    type: 'integer',
    minimum: 1,
    maximum: 10_000,
    default: 1000,
    about: 'matches on a page at most',
  },
  checkReferences: {
    type: 'boolean',
    default: false,
    about: 'refuse resources that refer to local ones which do not exist',
  },
  access: {
    type: 'policies',
    default: DEFAULT_POLICIES,
    about: 'what people may do by their roles, and backend services',
  },
  sources: {
    type: 'sources',
    default: {},
    about: 'servers that data is pulled from by FHIR Bulk Data, on a schedule, each under a name',
  },
  conditionalDeleteLimit: {
    type: 'integer',
    minimum: 1,
    maximum: 10_000,
    default: 1,
    about: 'how many matches a conditional delete may delete',
  },
  jobProcesses: {
    type: 'integer',
    minimum: 0,
    maximum: 64,
    default: 1,
    about: 'processes that work on jobs such as exports, started when there are some; 0 = none here',
  },
  jobsPerClient: {
    type: 'integer',
    minimum: 1,
    maximum: 1000,
    default: 10,
    about: 'jobs of a kind (exports, imports, deletes) that a client may have running at once',
  },
  jobHours: {
    type: 'integer',
    minimum: 1,
    maximum: 8760,
    default: 24,
    about: 'hours that the files of a job are kept',
  },
  jobLease: {
    type: 'integer',
    minimum: 500,
    maximum: 60 * MINUTE,
    default: 30_000,
    about: 'milliseconds after which the work of a job process that is silent is taken over',
  },
  jobPartSize: {
    type: 'integer',
    minimum: 10,
    maximum: 10_000_000,
    default: 80_000,
    about: 'versions of resources that one part of a job goes through',
  },
  importFileLimit: {
    type: 'integer',
    minimum: 1024,
    maximum: 1024 * 1024 * MIB,
    default: 16 * 1024 * MIB,
    about: 'bytes that a file which an import fetches may have, before and after it is unpacked',
  },
  importTimeLimit: {
    type: 'integer',
    minimum: 1000,
    maximum: 7 * 24 * 60 * MINUTE,
    default: 6 * 60 * MINUTE,
    about: 'milliseconds that such a file may take, from the request to its last line',
  },
  audit: {
    type: 'choice',
    choices: ['auto', 'on', 'off'],
    default: 'auto',
    about: 'whether every access is recorded as an AuditEvent; auto = unless access is open',
  },
  fetchHosts: {
    type: 'text',
    default: '*',
    about:
      'hosts with public addresses that the server may fetch from (key sets of clients, files to import): names and *.names between commas; * = all',
  },
  fetchPrivateHosts: {
    type: 'optional',
    about:
      'hosts that the server may fetch from although they have private or loopback addresses: names, *.names and addresses',
  },
  fetchHttp: {
    type: 'boolean',
    default: false,
    about: 'the server may fetch by http, not by https alone',
  },
  fetchTimeLimit: {
    type: 'integer',
    minimum: 100,
    maximum: 10 * MINUTE,
    default: 10_000,
    about: 'milliseconds that fetching something small may take',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

/** What every tool that speaks to such stores calls them. */
const NAMES_EVERYWHERE: Readonly<Record<string, string>> = {
  s3AccessKeyId: 'AWS_ACCESS_KEY_ID',
  s3SecretAccessKey: 'AWS_SECRET_ACCESS_KEY',
  s3SessionToken: 'AWS_SESSION_TOKEN',
};

/** `FAIRWAY_DATA_DIR` of `dataDir`. */
export function environmentName(name: string): string {
  const known = Object.hasOwn(NAMES_EVERYWHERE, name) ? NAMES_EVERYWHERE[name] : undefined;
  if (known !== undefined) return known;
  return `FAIRWAY_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** The JSON Schema of the configuration file. */
export function configSchema(): JsonObject {
  const properties: JsonObject = {};
  for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
    properties[name] = {
      ...valueSchema(setting),
      description: `${setting.about} (${environmentName(name)})`,
    };
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Fairway configuration',
    type: 'object',
    additionalProperties: false,
    properties: { $schema: { type: 'string' }, ...properties },
  };
}

function valueSchema(setting: Setting): JsonObject {
  switch (setting.type) {
    case 'integer': {
      const { minimum, maximum } = setting;
      return { type: 'integer', minimum, maximum, default: setting.default };
    }
    case 'boolean':
      return { type: 'boolean', default: setting.default };
    case 'choice':
      return { enum: [...setting.choices], default: setting.default };
    case 'text':
      return { type: 'string', minLength: 1, default: setting.default };
    case 'optional':
      return { type: 'string', minLength: 1 };
    case 'policies':
      return POLICIES_SCHEMA;
    case 'sources':
      return SOURCES_SCHEMA;
  }
}

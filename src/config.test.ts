import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICIES } from './access/policies.js';
import {
  bucketOf,
  type Config,
  ConfigError,
  type Environment,
  publicUrl,
  readConfig,
  strangeVariables,
} from './config.js';
import { configSchema, environmentName, SETTINGS } from './config-schema.js';

const read = (environment: Environment = {}, text?: string): Config =>
  readConfig(text === undefined ? undefined : { name: 'fairway.json', text }, environment);

function problemsOf(environment: Environment, text?: string): readonly string[] {
  try {
    read(environment, text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const KEYS = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
const INTROSPECTION = {
  FAIRWAY_INTROSPECTION_URL: 'https://a.org/introspect',
  FAIRWAY_INTROSPECTION_ISSUER: 'https://a.org',
  FAIRWAY_INTROSPECTION_CLIENT_ID: 'a',
  FAIRWAY_INTROSPECTION_SECRET_FILE: '/s',
};
const UPSTREAM = { FAIRWAY_UPSTREAM_ISSUER: 'https://a.org', FAIRWAY_UPSTREAM_CLIENT_ID: 'a' };

describe('readConfig', () => {
  it('has a default for everything, closed and on this machine alone', () => {
    expect(read()).toMatchObject({ port: 8080, host: '127.0.0.1', auth: 'smart', demo: false, workers: 1 });
  });

  it('takes the file, and the environment above it', () => {
    const config = read(
      { FAIRWAY_PORT: '9000', FAIRWAY_DEMO: 'on' },
      '{"port": 1, "dataDir": "/x", "demo": false}',
    );

    expect(config).toMatchObject({ port: 9000, dataDir: '/x', demo: true });
  });

  it('takes an empty variable for one that is not set', () => {
    expect(read({ FAIRWAY_PORT: '' }).port).toBe(8080);
  });

  it('tells all problems at once', () => {
    const problems = problemsOf(
      { FAIRWAY_PORT: 'x', FAIRWAY_WORKERS: '0' },
      '{"prot": 1, "auth": "closed", "demo": "on", "dataDir": ""}',
    );

    expect(problems).toEqual([
      'prot in fairway.json is no setting: did you mean port?',
      'FAIRWAY_PORT must be a whole number from 0 to 65535.',
      'dataDir in fairway.json must be a text that is not empty.',
      'auth in fairway.json must be open or smart in this version.',
      'demo in fairway.json must be true or false (on or off in the environment).',
      'FAIRWAY_WORKERS must be a whole number from 1 to 128.',
    ]);
  });

  it('says where the file is not JSON', () => {
    expect(problemsOf({}, '{"port": }')[0]).toMatch(/^fairway\.json is not JSON: line 1, column 10/);
  });

  it.each<[string, Environment, RegExp]>([
    [
      'open access on all addresses',
      { FAIRWAY_AUTH: 'open', FAIRWAY_HOST: '0.0.0.0' },
      /FAIRWAY_HOST=127\.0\.0\.1/,
    ],
    ['open access by a name', { FAIRWAY_AUTH: 'open', FAIRWAY_HOST: 'fhir.example.org' }, /loopback/],
    ['a certificate without its key', { FAIRWAY_TLS_CERT: 'a.pem' }, /FAIRWAY_TLS_KEY/],
    ['a public URL with a slash at its end', { FAIRWAY_PUBLIC_URL: 'https://a.org/' }, /FAIRWAY_PUBLIC_URL/],
    ['a public URL that is none', { FAIRWAY_PUBLIC_URL: 'a.org' }, /FAIRWAY_PUBLIC_URL/],
    ['a page greater than the greatest', { FAIRWAY_DEFAULT_COUNT: '2000' }, /FAIRWAY_MAX_COUNT/],
    [
      'an upstream without this server’s id',
      { FAIRWAY_UPSTREAM_ISSUER: 'https://a.org' },
      /UPSTREAM_CLIENT_ID/,
    ],
    ['an upstream over http', { ...UPSTREAM, FAIRWAY_UPSTREAM_ISSUER: 'http://a.org' }, /FAIRWAY_FETCH_HTTP/],
    ['an upstream that says not who', { ...UPSTREAM, FAIRWAY_UPSTREAM_SCOPES: 'profile' }, /openid/],
    [
      'introspection without this server’s id',
      { ...INTROSPECTION, FAIRWAY_INTROSPECTION_CLIENT_ID: '' },
      /INTROSPECTION_CLIENT_ID go together/,
    ],
    [
      'introspection without proof',
      { ...INTROSPECTION, FAIRWAY_INTROSPECTION_SECRET_FILE: '' },
      /one of FAIRWAY_INTROSPECTION_SECRET_FILE/,
    ],
    [
      'introspection with two proofs',
      { ...INTROSPECTION, FAIRWAY_INTROSPECTION_KEY_FILE: '/k' },
      /one of FAIRWAY_INTROSPECTION_SECRET_FILE/,
    ],
    [
      'introspection over http',
      { ...INTROSPECTION, FAIRWAY_INTROSPECTION_URL: 'http://a.org/introspect' },
      /FAIRWAY_FETCH_HTTP/,
    ],
    [
      'an issuer that is trusted twice',
      {
        ...INTROSPECTION,
        FAIRWAY_TRUSTED_ISSUER: 'https://a.org',
        FAIRWAY_TRUSTED_KEY_SET_URL: 'https://a.org/jwks',
      },
      /are the same/,
    ],
    ['no way to sign in', { FAIRWAY_PASSWORD_SIGN_IN: 'off' }, /FAIRWAY_UPSTREAM_ISSUER/],
    ['a bucket without a name', { FAIRWAY_FILES: 's3://', ...KEYS }, /FAIRWAY_FILES must be a folder, or s3/],
    ['a bucket in capitals', { FAIRWAY_FILES: 's3://Files', ...KEYS }, /FAIRWAY_FILES/],
    ['a prefix that leads elsewhere', { FAIRWAY_FILES: 's3://files/../a', ...KEYS }, /FAIRWAY_FILES/],
    [
      'a bucket without its keys',
      { FAIRWAY_FILES: 's3://files' },
      /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/,
    ],
    ['an endpoint with a path', { FAIRWAY_S3_ENDPOINT: 'https://a.org/s3' }, /FAIRWAY_S3_ENDPOINT/],
    ['a store of a later version', { FAIRWAY_STORE: 'mongodb' }, /sqlite in this version/],
    ['a listener of a later version', { FAIRWAY_MLLP_PORT: '2575' }, /HL7 v2/],
  ])('refuses %s', (_case, environment, text) => {
    expect(problemsOf(environment)).toEqual([expect.stringMatching(text)]);
  });

  it.each(['127.0.0.1', 'localhost', '::1'])('allows open access on %s', (host) => {
    expect(read({ FAIRWAY_AUTH: 'open', FAIRWAY_HOST: host }).auth).toBe('open');
  });
});

describe('a bucket', () => {
  it.each([
    ['s3://files', { bucket: 'files', prefix: '' }],
    ['s3://files/', { bucket: 'files', prefix: '' }],
    ['s3://files.of.ours/fairway/east', { bucket: 'files.of.ours', prefix: 'fairway/east/' }],
    ['/var/files', undefined],
  ])('of %s is %j', (files, bucket) => {
    expect(bucketOf(files)).toEqual(bucket);
  });

  it('is opened by the keys that the environment has for all tools', () => {
    expect(read({ FAIRWAY_FILES: 's3://files', ...KEYS, AWS_SESSION_TOKEN: 'c' })).toMatchObject({
      s3AccessKeyId: 'a',
      s3SecretAccessKey: 'b',
      s3SessionToken: 'c',
    });
  });
});

describe('publicUrl', () => {
  it.each<[Environment, string]>([
    [{}, 'http://localhost:8080'],
    [{ FAIRWAY_HOST: '127.0.0.2', FAIRWAY_PORT: '1' }, 'http://127.0.0.2:1'],
    [{ FAIRWAY_HOST: 'fe80::1' }, 'http://[fe80::1]:8080'],
    [{ FAIRWAY_TLS_CERT: 'a', FAIRWAY_TLS_KEY: 'b' }, 'https://localhost:8080'],
    [{ FAIRWAY_PUBLIC_URL: 'https://fhir.example.org/r4' }, 'https://fhir.example.org/r4'],
  ])('of %j is %s', (environment, url) => {
    expect(publicUrl(read(environment))).toBe(url);
  });
});

describe('policies', () => {
  const file = (access: string) => ({ name: 'fairway.json', text: `{"access": ${access}}` });

  it('are those of the house where none are given', () => {
    expect(readConfig(undefined, {}).access).toEqual(DEFAULT_POLICIES);
  });

  it('are read from the file, or as JSON from the environment', () => {
    const access = '{"roles": {"nurse": {"rules": [{"types": ["record"], "permissions": "rs"}]}}}';
    const nurse = { rules: [{ types: ['record'], permissions: 'rs' }], withhold: [] };

    expect(readConfig(file(access), {}).access.roles.nurse).toEqual(nurse);
    expect(readConfig(undefined, { FAIRWAY_ACCESS: access }).access.roles.nurse).toEqual(nurse);
  });

  it('are refused with all that is wrong', () => {
    expect(() => readConfig(file('{"role": {}, "clients": []}'), {})).toThrow(
      /access has no role[\s\S]*access.clients has to be an object/,
    );
    expect(() => readConfig(undefined, { FAIRWAY_ACCESS: 'none' })).toThrow('FAIRWAY_ACCESS is not JSON');
  });
});

describe('sources', () => {
  const night = '{"night": {"bulk": {"url": "https://fhir.example.org/r4", "every": "15m"}}}';

  it('are none where none are given, and read from the file or the environment', () => {
    const found = { night: { every: 900_000, request: { level: { kind: 'system' } } } };

    expect(read().sources).toEqual({});
    expect(read({}, `{"sources": ${night}}`).sources).toMatchObject(found);
    expect(read({ FAIRWAY_SOURCES: night }).sources).toMatchObject(found);
  });

  it('are refused with their place', () => {
    expect(problemsOf({}, '{"sources": {"night": {"bulk": {}}}}')).toEqual([
      'sources in fairway.json: sources.night.bulk.url is missing: it is the FHIR base of the server.',
    ]);
    expect(problemsOf({ FAIRWAY_SOURCES: '[]' })).toEqual([
      expect.stringMatching(/^FAIRWAY_SOURCES: sources has/),
    ]);
  });
});

describe('the table of settings', () => {
  it('gives every setting an environment variable', () => {
    expect(Object.keys(SETTINGS).map(environmentName)).toEqual(
      expect.arrayContaining([
        'FAIRWAY_DATA_DIR',
        'FAIRWAY_TLS_CERT',
        'FAIRWAY_TRUST_PROXY',
        'FAIRWAY_PUBLIC_URL',
      ]),
    );
  });

  it('makes a JSON Schema that allows nothing else', () => {
    expect(configSchema()).toMatchObject({
      additionalProperties: false,
      properties: { port: { type: 'integer', minimum: 0, maximum: 65_535, default: 8080 } },
    });
  });

  it('notices variables that were meant to be settings', () => {
    expect(strangeVariables({ FAIRWAY_PROT: '1', FAIRWAY_PORT: '1', HOME: '/' })).toEqual([
      'FAIRWAY_PROT is no setting: did you mean FAIRWAY_PORT?',
    ]);
  });
});

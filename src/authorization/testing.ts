/** For tests of this room: a server that lets in by tokens, and clients with keys of their own. */
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';
import type { Config } from '../config.js';
import { startServer, type TestServer } from '../http/testing.js';
import type { Fetcher } from '../net/fetcher.js';
import type { Authorization } from './authorization.js';
import type { RegisteredClient } from './clients/client.js';

export interface SmartServer extends TestServer {
  readonly authorization: Authorization;
  readonly fhirBase: string;
  readonly tokenUrl: string;
}

export async function startSmartServer(
  settings: Partial<Config> = {},
  fetcher?: Fetcher,
): Promise<SmartServer> {
  const server = await startServer({ auth: 'smart', ...settings }, fetcher);
  const { authorization, url } = server;
  if (authorization === undefined) throw new Error('a smart server has an authorization server');
  return { ...server, authorization, fhirBase: `${url}/fhir`, tokenUrl: `${url}/auth/token` };
}

export interface KeyPair {
  readonly alg: 'ES384' | 'RS384';
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function keyPair(alg: 'ES384' | 'RS384' = 'ES384', kid = 'key-1'): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

export function jwksText(...keys: readonly KeyPair[]): string {
  return JSON.stringify({ keys: keys.map(({ publicJwk }) => publicJwk) });
}

export async function addBackend(
  { authorization }: SmartServer,
  keys: KeyPair,
  scope = 'system/*.rs',
): Promise<RegisteredClient> {
  const wanted = { type: 'backend', name: 'Test', redirectUris: [], scope, jwksUrl: undefined };
  return (await authorization.clients.add({ ...wanted, jwks: jwksText(keys) }, 'active')).client;
}

let lastJti = 0;

/** Claims that would be accepted, unless `claims` and `header` say otherwise; undefined takes one away. */
export function assertion(
  { tokenUrl }: Pick<SmartServer, 'tokenUrl'>,
  clientId: string,
  { alg, kid, privateKey }: KeyPair,
  claims: JWTPayload = {},
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  lastJti += 1;
  const now = Math.floor(Date.now() / 1000);
  const usual = { iss: clientId, sub: clientId, aud: tokenUrl, jti: `jti-${lastJti}`, exp: now + 240 };
  const { crit: _, ...rest } = header;
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg, kid, typ: 'JWT', ...rest })
    .sign(privateKey);
}

export function askToken(
  { tokenUrl }: Pick<SmartServer, 'tokenUrl'>,
  clientAssertion: string,
  form: Readonly<Record<string, string | undefined>> = {},
): Promise<Response> {
  const fields = {
    grant_type: 'client_credentials',
    scope: 'system/*.rs',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: clientAssertion,
    ...form,
  };
  const sent = Object.entries(fields).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return fetch(tokenUrl, { method: 'POST', body: new URLSearchParams(sent) });
}

/** An access token for these scopes. */
export async function tokenFor(
  server: SmartServer,
  client: RegisteredClient,
  keys: KeyPair,
  scope = 'system/*.rs',
): Promise<string> {
  const answer = await askToken(server, await assertion(server, client.id, keys), { scope });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  return token;
}

export function bearer(token: string): { readonly headers: { readonly authorization: string } } {
  return { headers: { authorization: `Bearer ${token}` } };
}

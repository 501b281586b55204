/**
 * What a client says of itself when it registers, read as what our own rules are about (registration.ts), and the answer.
 * https://www.rfc-editor.org/rfc/rfc7591#section-2
 *
 * Invariant: what is asked for and not offered is refused; members that are not understood are left out, as the RFC wants it.
 */
import { isObject, type JsonObject, type JsonValue } from '../../fhir/format/json.js';
import { serialise } from '../../fhir/format/serialise.js';
import { parseScopes } from '../../smart/scope.js';
import { Members } from '../members.js';
import type { RegisteredClient } from './client.js';
import type { MadeClient } from './clients.js';
import { ASSERTION_ALGORITHMS } from './key-set.js';
import type { RegistrationProblem, WantedClient } from './registration.js';

export type RegistrationRequest =
  | { readonly wanted: WantedClient }
  /** One sentence each. */
  | { readonly problems: readonly string[] };

/** The names of RFC 7591 for what our rules are about, for its errors. */
export function errorOf(
  problems: readonly RegistrationProblem[],
): 'invalid_redirect_uri' | 'invalid_client_metadata' {
  const isRedirect = problems.every(({ about }) => about === 'redirectUris');
  return isRedirect ? 'invalid_redirect_uri' : 'invalid_client_metadata';
}

export function readRegistration(body: JsonValue): RegistrationRequest {
  if (!isObject(body)) return { problems: ['The body must be a JSON object.'] };
  const reading = new Members(body);
  const jwks = body.jwks === undefined ? undefined : serialise(body.jwks);
  const jwksUrl = reading.text('jwks_uri');
  const scope = reading.text('scope') ?? '';
  const name = reading.text('client_name');
  const redirectUris = reading.texts('redirect_uris') ?? [];
  const postLogoutRedirectUris = reading.texts('post_logout_redirect_uris');
  const type = typeOf(reading, jwks !== undefined || jwksUrl !== undefined);
  const { admin } = parseScopes(scope);
  if (admin.length > 0) reading.say('scope', `${admin.join(' ')} is given by an administrator alone`);
  for (const [member, offered] of FIXED) reading.oneOf(member, offered);
  if (reading.problems.length > 0) return { problems: reading.problems };
  return { wanted: { type, name, redirectUris, postLogoutRedirectUris, scope, jwks, jwksUrl } };
}

/** What is not ours to choose from, and what there is. */
const FIXED: readonly (readonly [member: string, offered: readonly string[]])[] = [
  ['id_token_signed_response_alg', ['RS256']],
  ['token_endpoint_auth_signing_alg', ASSERTION_ALGORITHMS],
  ['subject_type', ['public']],
];
const GRANTS = ['authorization_code', 'refresh_token', 'client_credentials'];
const METHODS = ['none', 'client_secret_basic', 'private_key_jwt'];

/** The type that the members about grants and proof come to. */
function typeOf(reading: Members, hasKeys: boolean): string {
  const grants = reading.listOf('grant_types', GRANTS) ?? ['authorization_code'];
  const isBackend = grants.includes('client_credentials');
  const method =
    reading.oneOf('token_endpoint_auth_method', METHODS) ??
    (hasKeys || isBackend ? 'private_key_jwt' : 'client_secret_basic');
  reading.listOf('response_types', isBackend ? [] : ['code']);
  if (isBackend && grants.length > 1) {
    reading.say(
      'grant_types',
      'client_credentials stands alone: register another client for people to sign in',
    );
  } else if (!isBackend && !grants.includes('authorization_code')) {
    reading.say('grant_types', 'authorization_code is missing');
  }
  if (method === 'private_key_jwt' && !hasKeys) reading.say('jwks', 'private_key_jwt needs it, or jwks_uri');
  if (method === 'client_secret_basic' && hasKeys) {
    reading.say('token_endpoint_auth_method', 'a client with keys proves itself by private_key_jwt');
  }
  if (isBackend) return 'backend';
  return method === 'none' ? 'public' : 'confidential';
}

/** https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1, and `status`: `pending` waits for an administrator. */
export function registrationAnswer({ client, secret }: MadeClient): JsonObject {
  const { id, name, status, redirectUris, postLogoutRedirectUris, scope, created } = client;
  return {
    client_id: id,
    client_id_issued_at: Math.floor(created / 1000),
    ...(secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: 0 }),
    client_name: name,
    redirect_uris: [...redirectUris],
    ...(postLogoutRedirectUris === undefined
      ? {}
      : { post_logout_redirect_uris: [...postLogoutRedirectUris] }),
    scope,
    ...proofMembers(client),
    status,
  };
}

function proofMembers({ type, proof }: RegisteredClient): JsonObject {
  const grants = type === 'backend' ? ['client_credentials'] : ['authorization_code', 'refresh_token'];
  const common = { grant_types: grants, response_types: type === 'backend' ? [] : ['code'] };
  switch (proof.by) {
    case 'nothing':
      return { ...common, token_endpoint_auth_method: 'none' };
    case 'secret':
      return { ...common, token_endpoint_auth_method: 'client_secret_basic' };
    case 'keys': {
      const keys = proof.jwks.keys.map((key) => ({ ...key }) as JsonObject); // it was read from JSON
      return { ...common, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } };
    }
    case 'key-url':
      return { ...common, token_endpoint_auth_method: 'private_key_jwt', jwks_uri: proof.url };
  }
}

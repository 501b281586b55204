/**
 * What a SMART client finds out before it begins.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
 *
 * Invariant: what is declared works; what does not work yet is not declared.
 */
import type { JsonObject } from '../fhir/format/json.js';
import { ASSERTION_ALGORITHMS } from './clients/key-set.js';

/** https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#capabilities */
const CAPABILITIES = [
  'launch-standalone',
  'launch-ehr',
  'authorize-post',
  'client-public',
  'client-confidential-symmetric',
  'client-confidential-asymmetric',
  'sso-openid-connect',
  'context-banner',
  'context-style',
  'context-ehr-patient',
  'context-ehr-encounter',
  'context-standalone-patient',
  'context-standalone-encounter',
  'permission-offline',
  'permission-online',
  'permission-patient',
  'permission-user',
  'permission-v1',
  'permission-v2',
] as const;
const PERMISSIONS = ['rs', 'cruds', 'read', 'write'] as const;
const SCOPES = [
  'openid',
  'fhirUser',
  'profile',
  'launch',
  'launch/patient',
  'launch/encounter',
  'offline_access',
  'online_access',
  ...['patient', 'user', 'system'].flatMap((context) => PERMISSIONS.map((each) => `${context}/*.${each}`)),
];

export interface AuthorizationEndpoints {
  readonly authorize: string;
  readonly token: string;
  readonly introspect: string;
  readonly revoke: string;
  readonly register: string;
}

/** Where oidc-provider answers, and clients register, below the issuer. */
export function endpointsOf(issuer: string): AuthorizationEndpoints {
  return {
    authorize: `${issuer}/authorize`,
    token: `${issuer}/token`,
    introspect: `${issuer}/token/introspection`,
    revoke: `${issuer}/token/revocation`,
    register: `${issuer}/register`,
  };
}

export function smartConfiguration(issuer: string): JsonObject {
  const { authorize, token, introspect, revoke, register } = endpointsOf(issuer);
  return {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    authorization_endpoint: authorize,
    token_endpoint: token,
    introspection_endpoint: introspect,
    revocation_endpoint: revoke,
    registration_endpoint: register,
    pushed_authorization_request_endpoint: `${issuer}/par`,
    management_endpoint: `${issuer}/apps`,
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    response_types_supported: ['code'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt', 'none'],
    token_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
    scopes_supported: [...SCOPES],
    code_challenge_methods_supported: ['S256'],
    capabilities: [...CAPABILITIES],
  };
}

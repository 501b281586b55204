/**
 * What a SMART client finds out before it begins.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
 *
 * Invariant: what is declared works; what does not work yet is not declared.
 */
import type { JsonObject } from '../fhir/format/json.js';
import { ASSERTION_ALGORITHMS } from './clients/key-set.js';

/** https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#capabilities */
const CAPABILITIES = ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'] as const;
const SCOPES = ['system/*.rs', 'system/*.cruds', 'system/*.read', 'system/*.write'] as const;

export interface AuthorizationEndpoints {
  readonly token: string;
  readonly introspect: string;
  readonly revoke: string;
}

/** Where oidc-provider answers, below the issuer. */
export function endpointsOf(issuer: string): AuthorizationEndpoints {
  return {
    token: `${issuer}/token`,
    introspect: `${issuer}/token/introspection`,
    revoke: `${issuer}/token/revocation`,
  };
}

export function smartConfiguration(issuer: string): JsonObject {
  const { token, introspect, revoke } = endpointsOf(issuer);
  return {
    token_endpoint: token,
    introspection_endpoint: introspect,
    revocation_endpoint: revoke,
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
    scopes_supported: [...SCOPES],
    code_challenge_methods_supported: ['S256'],
    capabilities: [...CAPABILITIES],
  };
}

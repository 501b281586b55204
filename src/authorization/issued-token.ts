/**
 * An access token as it lies in its record: what the authorization server wrote, and all that a request with it needs.
 *
 * Invariant: a token speaks for one audience, and only as long as its client is active.
 */
import { type Grant, type GrantUser, principalOf } from '../smart/grant.js';
import { parseScopes } from '../smart/scope.js';

export interface IssuedToken {
  /** The models of oidc-provider: a person's token, or a client's own. */
  readonly kind: 'AccessToken' | 'ClientCredentials';
  readonly clientId: string;
  /** The FHIR base that it is for. */
  readonly aud?: string;
  readonly scope?: string;
  /** Seconds since 1970. */
  readonly exp: number;
  /** The subject of the person who signed in. */
  readonly accountId?: string;
  /** It ends when the session ends in which it was granted. */
  readonly expiresWithSession?: boolean;
  readonly sessionUid?: string;
  readonly extra?: TokenContext;
}

/** What the launch and the sign-in led to; introspection tells it too. */
export interface TokenContext {
  readonly patient?: string;
  readonly encounter?: string;
  /** The absolute URL of the resource that stands for the person. */
  readonly fhirUser?: string;
  readonly roles?: readonly string[];
  readonly patients?: readonly string[];
}

/** `represents`: what its client stands for. */
export function grantOf(token: IssuedToken, represents?: readonly string[]): Grant {
  const { clientId, scope = '', exp, accountId, extra = {} } = token;
  const { patient, encounter } = extra;
  const user = accountId === undefined ? undefined : userOf(accountId, extra);
  return {
    principal: principalOf(clientId, accountId),
    clientId,
    // Whoever the person is cannot be told: then nothing is granted, least of all what a client may do by itself.
    scopes: accountId !== undefined && user === undefined ? [] : parseScopes(scope).resources,
    ...(patient === undefined ? {} : { patient }),
    ...(encounter === undefined ? {} : { encounter }),
    ...(user === undefined ? {} : { user }),
    ...(represents === undefined || accountId !== undefined ? {} : { represents }),
    expires: exp * 1000,
  };
}

/** A person whose resource is not known has no rights of a person. */
function userOf(
  subject: string,
  { fhirUser, roles = [], patients = [] }: TokenContext,
): GrantUser | undefined {
  const [type, id] = fhirUser?.split('/').slice(-2) ?? [];
  if (type === undefined || id === undefined) return undefined;
  return { subject, fhirUser: { type, id }, roles, patients };
}

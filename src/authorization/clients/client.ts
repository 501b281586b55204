/**
 * A client: an application, or a service, that was registered here.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#step-1-register
 *
 * Invariant: a client that is not active gets nothing: no code, no token, and the tokens that it holds are refused.
 */
import type { JSONWebKeySet } from 'jose';

/** `backend`: acts for itself, no person signs in. https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html */
export type ClientType = 'public' | 'confidential' | 'backend';
export type ClientStatus = 'active' | 'pending' | 'disabled';

/** How a client proves to be itself. */
export type ClientProof =
  | { readonly by: 'nothing' }
  /** The hash of its secret, see secret.ts. */
  | { readonly by: 'secret'; readonly hash: string }
  | { readonly by: 'keys'; readonly jwks: JSONWebKeySet }
  | { readonly by: 'key-url'; readonly url: string };

export interface RegisteredClient {
  readonly id: string;
  readonly name: string;
  readonly type: ClientType;
  readonly status: ClientStatus;
  readonly proof: ClientProof;
  /** Compared character by character. */
  readonly redirectUris: readonly string[];
  /** Where people may be led when they have signed out, compared likewise; absent: nowhere. */
  readonly postLogoutRedirectUris?: readonly string[];
  /** Organizations and Devices that a backend service stands for, by which Consents of patients name it. */
  readonly represents?: readonly string[];
  /** What it may be granted at most, as written at its registration. */
  readonly scope: string;
  /** Milliseconds since 1970. */
  readonly created: number;
}

/** The origins that its pages come from: a browser lets them read our answers. */
export function originsOf({ redirectUris }: Pick<RegisteredClient, 'redirectUris'>): readonly string[] {
  const origins = redirectUris.map((uri) => new URL(uri).origin);
  return [...new Set(origins)].filter((origin) => origin !== 'null');
}

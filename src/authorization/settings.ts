import type { UpstreamSettings } from './federation/upstream.js';

/** What the authorization server is told by the configuration. */
export interface AuthorizationSettings {
  /** `https://fhir.example.org/auth`. */
  readonly issuer: string;
  /** The audience of every access token: `https://fhir.example.org/fhir`. */
  readonly fhirBase: string;
  /** Seconds that an access token lives. */
  readonly accessTokenLife: number;
  /** Whether people sign in here with a password. */
  readonly passwordSignIn: boolean;
  /** The hospital's identity provider. */
  readonly upstream?: UpstreamSettings;
}

/** Seconds that an id_token lives: keys stay published so long after they signed last. */
export const ID_TOKEN_LIFE = 3600;

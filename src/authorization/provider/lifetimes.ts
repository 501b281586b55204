/** How long things live, in seconds. */
import type { Configuration } from 'oidc-provider';
import { type AuthorizationSettings, ID_TOKEN_LIFE } from '../settings.js';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Of the token of an app that a person opened; the consent page says so. */
export const APP_TOKEN_LIFE = HOUR;

export function lifetimes({ accessTokenLife }: AuthorizationSettings): NonNullable<Configuration['ttl']> {
  return {
    AccessToken: APP_TOKEN_LIFE,
    ClientCredentials: accessTokenLife,
    AuthorizationCode: MINUTE,
    IdToken: ID_TOKEN_LIFE,
    // Signing in, choosing a patient and reading what is asked for takes a while.
    Interaction: 30 * MINUTE,
    Session: 12 * HOUR,
    Grant: 180 * DAY,
    RefreshToken: 90 * DAY,
    PushedAuthorizationRequest: MINUTE,
  };
}

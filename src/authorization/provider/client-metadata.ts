/**
 * A registered client as oidc-provider wants to know it.
 * https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata
 */
import type { ClientMetadata } from 'oidc-provider';
import type { RegisteredClient } from '../clients/client.js';
import { isNative } from '../clients/redirect-uri.js';

export function clientMetadata(client: RegisteredClient): ClientMetadata {
  const { id, name, type, redirectUris, postLogoutRedirectUris = [] } = client;
  const asked = type === 'backend' ? BACKEND : INTERACTIVE;
  return {
    client_id: id,
    client_name: name,
    ...asked,
    redirect_uris: [...redirectUris],
    post_logout_redirect_uris: [...postLogoutRedirectUris],
    application_type: redirectUris.some(isNative) ? 'native' : 'web',
    ...proof(client),
  };
}

const BACKEND = { grant_types: ['client_credentials'], response_types: [] } as const;
const INTERACTIVE = {
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
} as const;

function proof({ proof: by }: RegisteredClient): Partial<ClientMetadata> {
  switch (by.by) {
    case 'nothing':
      return { token_endpoint_auth_method: 'none' };
    // Its hash stands where the secret would: comparing them is ours (provider.ts).
    case 'secret':
      return { token_endpoint_auth_method: 'client_secret_basic', client_secret: by.hash };
    case 'keys':
      return { token_endpoint_auth_method: 'private_key_jwt', jwks: by.jwks };
    case 'key-url':
      return { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: by.url };
  }
}

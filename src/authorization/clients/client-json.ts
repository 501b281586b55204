/** A client as it is shown: the names of https://www.rfc-editor.org/rfc/rfc7591; never the hash of a secret. */
import type { JsonObject } from '../../fhir/format/json.js';
import type { RegisteredClient } from './client.js';
import type { MadeClient } from './clients.js';

export function clientJson(client: RegisteredClient): JsonObject {
  const { id, name, type, status, redirectUris, postLogoutRedirectUris, represents, scope, proof, created } =
    client;
  return {
    client_id: id,
    client_name: name,
    type,
    status,
    redirect_uris: [...redirectUris],
    ...(postLogoutRedirectUris === undefined
      ? {}
      : { post_logout_redirect_uris: [...postLogoutRedirectUris] }),
    ...(represents === undefined ? {} : { represents: [...represents] }),
    scope,
    ...(proof.by === 'keys' ? { kids: proof.jwks.keys.map(({ kid }) => kid ?? null) } : {}),
    ...(proof.by === 'key-url' ? { jwks_uri: proof.url } : {}),
    created: new Date(created).toISOString(),
  };
}

/** With its secret, in the answer to what made it. */
export function madeClientJson({ client, secret }: MadeClient): JsonObject {
  return { ...clientJson(client), ...(secret === undefined ? {} : { client_secret: secret }) };
}

/**
 * Public clients that refresh without naming themselves: the refresh token says whose it is. fhirclient does so unless it is
 * told otherwise, as SMART's own example does.
 * https://www.rfc-editor.org/rfc/rfc6749#section-6, https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#refresh-access-token
 *
 * Invariant: this proves nothing. A client that has a secret or keys must still show them, and a request that names a client,
 * or tries to prove one, is left as it is.
 */
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { RegisteredClient } from '../clients/client.js';
import { peekForm, putForm } from './peeked-form.js';

/** Path below the issuer. */
const TOKEN = '/token';
const NAMED_BY = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'] as const;

/** Adds `client_id` to the form of such a request, before oidc-provider reads it. */
export async function nameRefreshingClient(
  { path, method, req }: Pick<KoaContextWithOIDC, 'path' | 'method' | 'req'>,
  provider: Provider,
  findClient: (id: string) => Promise<RegisteredClient | undefined>,
): Promise<void> {
  if (path !== TOKEN || method !== 'POST' || req.headers.authorization !== undefined) return;
  const form = await peekForm(req);
  const token = form === undefined ? undefined : namelessToken(form);
  if (form === undefined || token === undefined) return;
  // Spent and expired ones too: what they are answered, and what else ends with them, is oidc-provider's to say.
  const clientId = (await provider.RefreshToken.find(token, { ignoreExpiration: true }))?.clientId;
  const client = clientId === undefined ? undefined : await findClient(clientId);
  if (client?.type !== 'public') return;
  form.set('client_id', client.id);
  putForm(req, form);
}

/** The refresh token of a form that names no client; undefined where it is none, or is not clear. */
function namelessToken(form: URLSearchParams): string | undefined {
  if (form.get('grant_type') !== 'refresh_token' || NAMED_BY.some((name) => form.has(name))) return undefined;
  const [token, ...more] = form.getAll('refresh_token');
  return more.length === 0 ? token : undefined;
}

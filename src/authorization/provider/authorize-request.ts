/**
 * SMART's authorization request as oidc-provider understands it.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
 *
 *   POST                    the same as GET: what was sent as a form is asked as a URL
 *   aud                     the FHIR server that is meant: what OAuth calls resource (RFC 8707)
 *   no prompt               consent is asked for: without it `offline_access` would be dropped silently
 */
import type { IncomingMessage } from 'node:http';
import { readForm } from '../interaction/form.js';

const AUTHORIZE = '/authorize';

/** Rewrites the request in its place. Throws FormError for a POST that is no form. */
export async function readAuthorizeRequest(request: IncomingMessage, fhirBase: string): Promise<void> {
  const [path, query = ''] = splitOnce(request.url ?? '/', '?');
  if (path !== AUTHORIZE) return;
  const params = new URLSearchParams(query);
  if (request.method === 'POST') {
    for (const [name, value] of await readForm(request)) params.append(name, value);
    request.method = 'GET';
    delete request.headers['content-length'];
    delete request.headers['content-type'];
    delete request.headers['transfer-encoding'];
  }
  if (!params.has('resource')) {
    for (const aud of params.getAll('aud'))
      params.append('resource', aud === `${fhirBase}/` ? fhirBase : aud);
  }
  const prompt = params.get('prompt');
  if (prompt === null) params.set('prompt', 'consent');
  else if (prompt === 'login') params.set('prompt', 'login consent');
  request.url = `${AUTHORIZE}?${params}`;
}

function splitOnce(text: string, sign: string): readonly [string, string?] {
  const at = text.indexOf(sign);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/**
 * What SMART asks of a request for a code beyond OAuth.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
 *
 * Invariant: a request that does not name our FHIR base as its audience never gets a code: a token must not end up at a
 * server that only pretends to be the one that the client means.
 */
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { FormError, readForm } from '../forms.js';
import { peekForm, putForm } from './peeked-form.js';

/** Paths below the issuer. */
export const AUTHORIZE = '/authorize';
/** https://www.rfc-editor.org/rfc/rfc9126: the request is sent here first, and then named. */
export const PUSH = '/par';
/** Parameters that OAuth does not know: they are kept for the pages on which people sign in. */
export const LAUNCH_PARAMETERS = ['aud', 'launch'] as const;

/** Where a request says what it is for. */
const ASKING: ReadonlySet<string> = new Set(['authorization', 'pushed_authorization_request']);

/** The resource of a request: that of its `aud` where it asks for a code, else ours. Throws what the client is told. */
export function audienceOf(ctx: KoaContextWithOIDC, fhirBase: string): string {
  // One that was pushed was looked at then; since, it is kept as a JWT whose own `aud` stands in the place of that.
  const isLookedAt = ctx.oidc.entities.PushedAuthorizationRequest !== undefined;
  if (!ASKING.has(ctx.oidc.route) || isLookedAt) return fhirBase;
  const aud = ctx.oidc.params?.aud;
  if (aud === undefined) throw new errors.InvalidRequest(`aud is missing: it must be ${fhirBase}`);
  if (String(aud).replace(/\/$/, '') === fhirBase) return fhirBase;
  throw new errors.InvalidTarget(`aud must be ${fhirBase}`);
}

/**
 * Consent is asked for with each launch, unless the request says otherwise: a grant that is remembered would open the app with
 * the patient of the launch before (and oidc-provider would drop offline_access). Cookies that are Lax do not come with a
 * form from elsewhere: a form becomes a redirect to the same request by GET.
 * Resolves with true where the request was answered.
 */
export async function prepareAuthorize(ctx: KoaContextWithOIDC, issuer: string): Promise<boolean> {
  if (ctx.path === PUSH && ctx.method === 'POST') return preparePushed(ctx);
  if (ctx.path !== AUTHORIZE) return false;
  if (ctx.method === 'POST') {
    const form = await queryOf(ctx);
    ctx.status = 303;
    ctx.set('cache-control', 'no-store');
    ctx.set('location', `${issuer}${AUTHORIZE}?${form}`);
    return true;
  }
  const { prompt } = ctx.query;
  ctx.query = { ...ctx.query, prompt: Array.isArray(prompt) ? prompt : withConsent(prompt) };
  return false;
}

/** What is pushed outweighs what stands in the URL later, so consent is asked for here. */
async function preparePushed(ctx: KoaContextWithOIDC): Promise<boolean> {
  const form = await peekForm(ctx.req);
  if (form === undefined) {
    ctx.status = 400;
    ctx.body = {
      error: 'invalid_request',
      error_description: 'send the request as a form of up to 56 KiB, with its Content-Length',
    };
    return true;
  }
  const [prompt, ...more] = form.getAll('prompt');
  if (more.length === 0) {
    form.set('prompt', withConsent(prompt));
    putForm(ctx.req, form);
  }
  return false;
}

function withConsent(prompt = 'consent'): string {
  return prompt === 'login' ? 'login consent' : prompt;
}

/** The form of a request as a query: written anew, so that nothing but fields gets into a header. */
export async function queryOf(ctx: KoaContextWithOIDC): Promise<string> {
  try {
    return (await readForm(ctx.req)).toString();
  } catch (error) {
    if (error instanceof FormError) ctx.throw(error.status, error.message);
    throw error;
  }
}

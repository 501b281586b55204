/**
 * Signing out when an app asks for it.
 * https://openid.net/specs/openid-connect-rpinitiated-1_0.html
 *
 *   app ──▶ GET /session/end (id_token_hint, post_logout_redirect_uri, state) ──▶ a page that asks ──▶ POST …/confirm
 *       ──▶ the session ends, and with it what lasts no longer (token-check.ts) ──▶ the app's registered URI, or a page
 *
 * Invariants
 * - Nobody is signed out without having said so on our page; a hint that is about somebody else ends nothing.
 * - Nobody is led anywhere but to a URI that the client registered, character by character.
 */
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { pageHeaders, redirectTarget } from '../pages/frame.js';
import { tellingPage } from '../pages/plain-pages.js';
import { signOutPage } from '../pages/sign-out-page.js';
import type { Told } from '../security-log.js';
import type { Users } from '../users/users.js';
import { queryOf } from './authorize-request.js';

/** Below the issuer. */
export const END_SESSION = '/session/end';
const CONFIRM = `${END_SESSION}/confirm`;

export interface SignOutParts {
  readonly issuer: string;
  readonly users: Users;
}

type Feature = NonNullable<NonNullable<Configuration['features']>['rpInitiatedLogout']>;

export function signOutFeature(parts: SignOutParts): Feature {
  return {
    enabled: true,
    logoutSource: async (ctx) => show(ctx, parts),
    postLogoutSuccessSource: async (ctx) => {
      const name = ctx.oidc.client?.clientName;
      const text =
        name === undefined
          ? 'Apps that you allowed to keep their access while you are away still have it.'
          : `${name} is done here. You are still signed in.`;
      const title = name === undefined ? 'You are signed out' : 'You have left the app';
      ctx.set({ ...pageHeaders() });
      ctx.body = tellingPage({ title, text });
    },
  };
}

/** Cookies that are Lax do not come with a form from elsewhere, so a form becomes the same request by GET. */
export async function prepareSignOut(ctx: KoaContextWithOIDC, issuer: string): Promise<boolean> {
  if (ctx.path !== END_SESSION || ctx.method !== 'POST') return false;
  const form = await queryOf(ctx);
  ctx.status = 303;
  ctx.set('cache-control', 'no-store');
  ctx.set('location', `${issuer}${END_SESSION}?${form}`);
  return true;
}

/** Where nobody is signed in oidc-provider answers with a form that a script sends: ours wants no script. */
export async function finishSignOut(ctx: KoaContextWithOIDC, parts: SignOutParts): Promise<void> {
  if (ctx.oidc?.route !== 'end_session' || ctx.status !== 200) return;
  if (ctx.oidc.session?.accountId === undefined) await show(ctx, parts);
}

/** For the audit log; undefined: nothing came of the request. */
export async function toldOfSignOut(ctx: KoaContextWithOIDC, users: Users): Promise<Told | undefined> {
  const { route, session, params, client } = ctx.oidc ?? {}; // a path that it does not know has none
  if (route !== 'end_session_confirm') return undefined;
  const person = session?.accountId === undefined ? undefined : await users.get(session.accountId);
  if (ctx.status === 400) return { event: 'forged-form', outcome: 'refused', person };
  if (ctx.status !== 303 || params?.logout === undefined || person === undefined) return undefined;
  return { event: 'sign-out', outcome: 'success', person, client: client?.clientId };
}

async function show(ctx: KoaContextWithOIDC, { issuer, users }: SignOutParts): Promise<void> {
  const { session, client, params, entities } = ctx.oidc;
  const state = session?.state;
  if (session === undefined || state === undefined) throw new Error('a request to sign out has a session');
  const hint = entities.IdTokenHint?.payload;
  if (session.accountId !== undefined && hint !== undefined && hint.sub !== session.accountId) {
    delete session.state; // what it asked for cannot be confirmed
    const text = 'The app asks to sign somebody else out than who is signed in here. Nothing was done.';
    ctx.status = 400;
    ctx.set({ ...pageHeaders() });
    ctx.body = tellingPage({ title: 'This did not work', text, code: 'invalid_request' });
    return;
  }
  const person = session.accountId === undefined ? undefined : await users.get(session.accountId);
  const redirect = params?.post_logout_redirect_uri;
  const target = typeof redirect === 'string' ? redirectTarget(redirect) : undefined;
  ctx.set({ ...pageHeaders(target === undefined ? [] : [target]) });
  ctx.body = signOutPage({
    action: `${issuer}${CONFIRM}`,
    xsrf: String(state.secret),
    ...(person === undefined ? {} : { person: person.login }),
    ...(client?.clientName === undefined ? {} : { clientName: client.clientName }),
    ...(target === undefined ? {} : { goesTo: target }),
  });
}

/** Signing in: with login and password, or by the hospital's own identity provider. */

import { html } from '../../base/markup.js';
import { type FormTarget, form, page } from './frame.js';

export interface SignIn extends FormTarget {
  /** The app that waits for it. */
  readonly clientName: string;
  /** What was typed before. */
  readonly login?: string;
  readonly problem?: string;
  /** False: people sign in elsewhere alone. */
  readonly withPassword: boolean;
  /** Identity providers of others: what stands on the button, and where it leads. */
  readonly upstreams: readonly { readonly label: string; readonly href: string }[];
  readonly cancel: FormTarget;
}

export function signInPage(asked: SignIn): string {
  const { clientName, login, problem, upstreams, withPassword } = asked;
  const own =
    withPassword &&
    form(
      asked,
      html`<div class="field"><label for="login">User name</label>
<input type="text" id="login" name="login" value="${login ?? ''}" autocomplete="username" autocapitalize="none" spellcheck="false" required${login === undefined && html` autofocus`}></div>
<div class="field"><label for="password">Password</label>
<input type="password" id="password" name="password" autocomplete="current-password" required${login !== undefined && html` autofocus`}></div>
<div class="acts"><button class="main" type="submit">Sign in</button></div>`,
    );
  const others =
    upstreams.length > 0 &&
    html`<h2>${withPassword ? 'Or sign in with' : 'Sign in with'}</h2>
<div class="acts">${upstreams.map(({ label, href }) => html`<a class="${withPassword ? 'act' : 'act main'}" href="${href}">${label}</a>`)}</div>`;
  const body = html`<p>Then you go on to <strong>${clientName}</strong>. The app never sees your password.</p>
${own}
${others}
${form(asked.cancel, html`<div class="acts"><button class="quiet" type="submit" name="decision" value="deny">Cancel and go back to ${clientName}</button></div>`)}`;
  return page('Sign in', body, problem);
}

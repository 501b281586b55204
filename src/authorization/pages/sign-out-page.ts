/** Signing out because an app asks for it: nobody is signed out unless the person says so here. */
import { html } from '../../base/markup.js';
import { page } from './frame.js';

export interface SignOut {
  /** Where the form goes, and what shows that it came from this page. */
  readonly action: string;
  readonly xsrf: string;
  /** The login; absent: nobody is signed in. */
  readonly person?: string;
  /** The app that asks, where it said so. */
  readonly clientName?: string;
  /** Where the person is led afterwards, as a host or a scheme. */
  readonly goesTo?: string;
}

export function signOutPage({ action, xsrf, person, clientName, goesTo }: SignOut): string {
  const after = goesTo !== undefined && html`<p class="soft">Then you go on to <code>${goesTo}</code>.</p>`;
  const fields = html`<input type="hidden" name="xsrf" value="${xsrf}">`;
  if (person === undefined) {
    return page(
      'Nobody is signed in',
      html`<p>You are signed out of this server.</p>${after}
${goesTo !== undefined && html`<form method="post" action="${action}">${fields}<div class="acts"><button class="main" type="submit" name="logout" value="yes">Go on</button></div></form>`}`,
    );
  }
  return page(
    'Sign out?',
    html`<p>${clientName === undefined ? 'An app' : html`<strong>${clientName}</strong>`} asks to sign you out. You are signed in as <strong>${person}</strong>.</p>
<p>Apps lose their access now, but for those that you allowed to keep it while you are away.</p>${after}
<form method="post" action="${action}">${fields}<div class="acts"><button class="main" type="submit" name="logout" value="yes">Sign out</button>
<button type="submit">${clientName === undefined ? 'Stay signed in' : html`Stay signed in, and leave ${clientName} alone`}</button></div></form>`,
  );
}

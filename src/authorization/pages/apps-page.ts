/** What a person has granted to apps, and the end of it. */

import { html } from '../../base/markup.js';
import { type FormTarget, form, page } from './frame.js';

export interface GrantedApps {
  readonly person: string;
  readonly apps: readonly GrantedApp[];
  /** Says what was just done. */
  readonly done?: string;
  readonly signOut: FormTarget;
}

export interface GrantedApp {
  readonly name: string;
  /** In words, see scope-words.ts. */
  readonly may: readonly string[];
  readonly patient?: string;
  /** `21 November 2026`. */
  readonly since: string;
  readonly until: string;
  /** What the form answers. */
  readonly grant: string;
  /** Ends it. */
  readonly revoke: FormTarget;
}

export function appsPage({ person, apps, done, signOut }: GrantedApps): string {
  const body = html`<p>You are signed in as <strong>${person}</strong>.</p>
${done !== undefined && html`<p class="notice" role="status">${done}</p>`}
${apps.length === 0 && html`<p>No app has access by your consent.</p>`}
${apps.map(
  ({ name, may, patient, since, until, grant, revoke }) => html`<section aria-label="${name}">
<h2>${name}</h2>
<p class="soft">Since ${since}, until ${until}${patient !== undefined && html`, for the record of ${patient}`}</p>
<ul>${may.map((one) => html`<li>${one}</li>`)}</ul>
${form(revoke, html`<input type="hidden" name="grant" value="${grant}"><div class="acts"><button type="submit" name="decision" value="end">End the access of ${name}</button></div>`)}
</section>`,
)}
${form(signOut, html`<div class="acts"><button type="submit" name="decision" value="sign-out">Sign out</button></div>`)}`;
  return page('Your apps', body);
}

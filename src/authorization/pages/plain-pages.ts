/** Pages that tell one thing: an error with the way out, an end, a question. */
import { type FormTarget, form, page } from './frame.js';
import { html } from './markup.js';

export interface Telling {
  readonly title: string;
  readonly text: string;
  /** For support: a reference that the log knows too. */
  readonly reference?: string;
}

export function tellingPage({ title, text, reference }: Telling): string {
  const body = html`<p>${text}</p>
${reference !== undefined && html`<p class="soft">Reference for support: ${reference}</p>`}`;
  return page(title, body);
}

export function signOutPage(asked: FormTarget): string {
  const body = form(
    asked,
    html`<p>Apps that you allowed keep their access; you can end it on the page “Your apps”.</p>
<div class="acts"><button class="main" type="submit" name="logout" value="yes">Sign out</button>
<button type="submit">Stay signed in</button></div>`,
  );
  return page('Sign out?', body);
}

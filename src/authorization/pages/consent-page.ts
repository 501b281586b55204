/**
 * What an app asks for, in words, and the person's answer. Each part can be unticked; the answer holds the names of those
 * that were left ticked.
 */

import { html, type Markup } from '../../base/markup.js';
import { type FormTarget, form, page } from './frame.js';
import type { ScopeWords } from './scope-words.js';

export interface Consent extends FormTarget {
  readonly clientName: string;
  readonly clientUri?: string;
  /** Who is signed in. */
  readonly person: string;
  /** Whose record it is about, where it is one. */
  readonly patient?: { readonly name: string; readonly details: string };
  readonly choices: readonly Choice[];
  /** What goes along without being chosen: who the person is. */
  readonly notes: readonly string[];
  /** `for one hour`, `until you end it, at most 90 days`. */
  readonly howLong: string;
  /** The app may come back while the person is away. */
  readonly whileAway: boolean;
  /** The page on which it can be ended. */
  readonly appsHref: string;
  readonly problem?: string;
}

export interface Choice extends ScopeWords {
  /** What the form answers when it is ticked: the scope as it is written. */
  readonly value: string;
  /** Parts of it that can be chosen instead of the whole. */
  readonly parts: readonly Choice[];
  readonly ticked: boolean;
}

export function consentPage(asked: Consent): string {
  const { clientName, clientUri, person, patient, choices, notes, howLong, whileAway, appsHref, problem } =
    asked;
  const body = html`<p>You are signed in as <strong>${person}</strong>.${
    clientUri !== undefined &&
    html` The app’s own page: <a href="${clientUri}" rel="noreferrer">${clientUri}</a>`
  }</p>
${
  patient !== undefined &&
  html`<dl><dt>Record of</dt><dd><strong>${patient.name}</strong> <span class="soft">${patient.details}</span></dd></dl>`
}
${form(
  asked,
  html`<fieldset><legend>The app asks to</legend>
<p class="soft">Untick what you do not want to share.</p>
<ul class="choices">${choices.map((choice, at) => html`<li>${tickable(choice, `scope-${at}`)}</li>`)}</ul>
</fieldset>
${notes.length > 0 && html`<p class="soft">The app also learns ${notes.join(' and ')}.</p>`}
<p class="notice">Access lasts ${howLong}.${
    whileAway && html` <strong>The app can use it while you are away.</strong>`
  } You can end it at any time on the page <a href="${appsHref}" target="_blank" rel="noopener">Your apps</a>.</p>
<div class="acts"><button class="main" type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Do not allow</button></div>`,
)}`;
  return page(`${clientName} asks for access`, body, problem);
}

function tickable({ value, title, detail, parts, ticked }: Choice, id: string): Markup {
  return html`<label class="choice" for="${id}"><input type="checkbox" id="${id}" name="scope" value="${value}"${
    ticked && html` checked`
  }><span>${title}${detail !== undefined && html`<span>${detail}</span>`}</span></label>${
    parts.length > 0 &&
    html`<details><summary>Share only a part</summary><p class="soft">Untick the line above, then tick what the app may see.</p><ul>${parts.map((part, at) => html`<li>${tickable(part, `${id}-${at}`)}</li>`)}</ul></details>`
  }`;
}

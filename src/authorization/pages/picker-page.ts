/** Choosing the record (or the visit) that an app is opened with: a search and its first matches, each a button. */

import { html } from '../../base/markup.js';
import { type FormTarget, form, page } from './frame.js';

export interface Picker extends FormTarget {
  readonly kind: 'patient' | 'encounter';
  readonly clientName: string;
  /** What was searched by; absent where there is nothing to search. */
  readonly query?: string;
  readonly options: readonly { readonly id: string; readonly title: string; readonly details: string }[];
  /** There are more matches than are shown. */
  readonly more: boolean;
  readonly problem?: string;
}

const WORDS = {
  patient: {
    title: 'Choose a patient',
    search: 'Name, birth date or record number',
    example: 'Such as Lovelace, 1980-04-21 or the number on a chart',
    none: 'No patient that you may open matches.',
  },
  encounter: {
    title: 'Choose a visit',
    search: 'Date or kind of visit',
    example: 'Such as 2024-05 or check-up',
    none: 'No visit that you may open matches.',
  },
} as const;

export function pickerPage(asked: Picker): string {
  const { kind, clientName, query, options, more, problem } = asked;
  const words = WORDS[kind];
  const search =
    query !== undefined &&
    form(
      asked,
      html`<div class="field"><label for="query">${words.search}</label>
<input type="search" id="query" name="query" value="${query}" autocomplete="off" aria-describedby="example" autofocus>
<p class="soft" id="example">${words.example}</p></div>
<div class="acts"><button type="submit" name="decision" value="search">Search</button></div>`,
    );
  const list =
    options.length === 0
      ? html`<p role="status">${words.none}</p>`
      : form(
          asked,
          html`<input type="hidden" name="decision" value="pick">
<div class="acts">${options.map(
            ({ id, title, details }) =>
              html`<button class="wide" type="submit" name="id" value="${id}">${title}<span>${details}</span></button>`,
          )}</div>`,
        );
  const body = html`<p><strong>${clientName}</strong> opens ${kind === 'patient' ? 'one patient’s record. Whose?' : 'one visit. Which?'}</p>
${search}
${list}
${more && html`<p class="soft" role="status">There are more than these: search for the one you mean.</p>`}
${form(asked, html`<div class="acts"><button class="quiet" type="submit" name="decision" value="deny">Cancel and go back to ${clientName}</button></div>`)}`;
  return page(words.title, body, problem);
}

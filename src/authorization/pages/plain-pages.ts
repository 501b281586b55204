/** Pages that tell one thing: an error with the way out, or an end. */
import { html } from '../../base/markup.js';
import { page } from './frame.js';

export interface Telling {
  readonly title: string;
  readonly text: string;
  /** What OAuth calls it, for who looks after the application. */
  readonly code?: string;
}

export function tellingPage({ title, text, code }: Telling): string {
  return page(
    title,
    html`<p>${text}</p>
${code !== undefined && html`<p class="soft">Error: <code>${code}</code></p>`}`,
  );
}

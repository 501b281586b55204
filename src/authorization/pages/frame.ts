/**
 * What all pages of the authorization server share: one style, no script, nothing loaded from elsewhere, and the headers
 * that keep it so. https://www.w3.org/TR/CSP3/
 *
 * Invariant: no page may be framed (a consent that was clicked in a frame of another site is no consent), none is kept by
 * a cache, and what it tells of its URL goes nowhere.
 */
import { createHash } from 'node:crypto';
import { html, type Markup, trusted } from './markup.js';

const STYLE = `
:root { color-scheme: light dark; --ink: #16232b; --soft: #4d606a; --ground: #f3f6f7; --card: #fff; --line: #c6d2d8; --mark: #0b626b; --on-mark: #fff; --warn: #9a2c1a; --warn-ground: #fdf1ee; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4edf0; --soft: #a9bac2; --ground: #0f181d; --card: #17232a; --line: #3a4c56; --mark: #6fd3dc; --on-mark: #0b1a1d; --warn: #ffb4a4; --warn-ground: #33201c; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1.0625rem/1.55 system-ui, sans-serif; }
main { max-width: 34rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 0.75rem; padding: 1.25rem; }
h1 { margin: 0 0 0.5rem; font-size: 1.45rem; line-height: 1.25; letter-spacing: -0.01em; }
h2 { margin: 1.5rem 0 0.4rem; font-size: 1.05rem; }
p { margin: 0.5rem 0; }
.brand { margin: 0.5rem 0 1rem; color: var(--soft); }
.soft { color: var(--soft); font-size: 0.95rem; }
.problem { margin: 0 0 1rem; padding: 0.7rem 0.9rem; border-left: 4px solid var(--warn); background: var(--warn-ground); color: var(--warn); }
.notice { margin: 1rem 0; padding: 0.7rem 0.9rem; border-left: 4px solid var(--mark); background: var(--ground); }
label { display: block; font-weight: 600; }
.field { margin: 1rem 0; }
input[type="text"], input[type="password"], input[type="search"], textarea { width: 100%; min-height: 2.9rem; margin-top: 0.25rem; padding: 0.55rem 0.7rem; border: 1px solid var(--soft); border-radius: 0.45rem; background: var(--card); color: var(--ink); font: inherit; }
fieldset { margin: 1rem 0 0; padding: 0; border: 0; }
legend { padding: 0; font-weight: 600; }
.choices { list-style: none; margin: 0.4rem 0 0; padding: 0; border: 1px solid var(--line); border-radius: 0.5rem; }
.choices > li { padding: 0.55rem 0.75rem; }
.choices > li + li { border-top: 1px solid var(--line); }
.choices ul { list-style: none; margin: 0.3rem 0 0; padding: 0 0 0 1.9rem; }
.choice { display: flex; gap: 0.65rem; align-items: flex-start; padding: 0.15rem 0; font-weight: 400; }
.choice input { flex: none; width: 1.25rem; height: 1.25rem; margin: 0.2rem 0 0; accent-color: var(--mark); }
.choice span span { display: block; color: var(--soft); font-size: 0.93rem; }
.acts { display: flex; flex-wrap: wrap; gap: 0.75rem; margin-top: 1.5rem; }
button, .act { min-height: 2.9rem; padding: 0.55rem 1.2rem; border: 1px solid var(--mark); border-radius: 0.45rem; background: var(--card); color: var(--mark); font: inherit; font-weight: 600; cursor: pointer; text-decoration: none; }
button.main, .act.main { background: var(--mark); color: var(--on-mark); }
.wide { width: 100%; text-align: left; }
.wide span { display: block; color: var(--soft); font-weight: 400; font-size: 0.95rem; }
a { color: var(--mark); }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
dl { margin: 0.3rem 0 0; } dt { color: var(--soft); font-size: 0.93rem; } dd { margin: 0 0 0.5rem; overflow-wrap: anywhere; }
`;

const STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

/**
 * Headers of every page. `formTargets`: origins that a form's answer may lead to (browsers hold redirects against
 * form-action too): the page itself, and the app that is waited for.
 */
export function pageHeaders(formTargets: readonly string[] = []): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    `style-src ${STYLE_HASH}`,
    'img-src data:',
    "base-uri 'none'",
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "frame-ancestors 'none'",
  ];
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    pragma: 'no-cache',
  };
}

/** A whole page. The title says the problem first where there is one: that is what a screen reader begins with. */
export function page(title: string, body: Markup, problem?: string): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${problem !== undefined && 'Problem: '}${title} – Fairway</title>
<link rel="icon" href="data:,">
<style>${trusted(STYLE)}</style>
</head>
<body>
<main>
<p class="brand">Fairway</p>
<div class="card">
<h1>${title}</h1>
${problem !== undefined && html`<p class="problem" role="alert">${problem}</p>`}
${body}
</div>
</main>
</body>
</html>
`.text;
}

/** Where a form goes, and the token that shows that it came from our own page. */
export interface FormTarget {
  readonly action: string;
  readonly csrf: string;
}

export function form({ action, csrf }: FormTarget, content: Markup): Markup {
  return html`<form method="post" action="${action}" autocomplete="on">
<input type="hidden" name="csrf" value="${csrf}">
${content}
</form>`;
}

/**
 * What all pages of the authorization server share: one style, no script, nothing loaded from elsewhere, and the headers
 * that keep it so. https://www.w3.org/TR/CSP3/
 *
 * Invariant: no page may be framed (a consent that was clicked in a frame of another site is no consent), none is kept by
 * a cache, and no other site learns its URL. Our own does: with no-referrer browsers send forms with `Origin: null`, which
 * cannot be told from a form of somebody else.
 */
import { createHash } from 'node:crypto';
import { html, type Markup, trusted } from '../../base/markup.js';

const STYLE = `
:root { color-scheme: light dark; --ink: #16232b; --soft: #4d606a; --ground: #f3f6f7; --card: #fff; --line: #c6d2d8; --mark: #0b626b; --on-mark: #fff; --warn: #9a2c1a; --warn-ground: #fdf1ee; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4edf0; --soft: #a9bac2; --ground: #0f181d; --card: #17232a; --line: #3a4c56; --mark: #6fd3dc; --on-mark: #0b1a1d; --warn: #ffb4a4; --warn-ground: #33201c; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1.0625rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere; }
main { max-width: 33rem; margin: 0 auto; padding: clamp(1.25rem, 6vw, 4.5rem) 1rem 3rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: clamp(1.25rem, 5vw, 2rem); box-shadow: 0 1px 2px rgb(0 0 0 / 5%), 0 12px 32px rgb(0 0 0 / 6%); }
h1 { margin: 0 0 0.6rem; font-size: 1.5rem; line-height: 1.25; letter-spacing: -0.015em; }
h2 { margin: 0 0 0.2rem; font-size: 1.1rem; }
p { margin: 0.5rem 0; }
section { margin-top: 1rem; padding: 1rem; border: 1px solid var(--line); border-radius: 0.7rem; }
section ul { margin: 0.5rem 0 0; padding-left: 1.2rem; }
section .acts { margin-top: 1rem; }
.brand { display: flex; gap: 0.5rem; align-items: center; margin: 0 0 1rem 0.25rem; color: var(--soft); font-weight: 600; }
.brand svg { width: 1.5rem; height: 1.5rem; fill: none; stroke: var(--mark); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.soft { color: var(--soft); font-size: 0.95rem; }
.problem { margin: 0 0 1rem; padding: 0.7rem 0.9rem; border-radius: 0.5rem; background: var(--warn-ground); color: var(--warn); }
.notice { margin: 1.25rem 0 0; padding: 0.8rem 1rem; border-radius: 0.5rem; background: var(--ground); }
label { display: block; font-weight: 600; }
.field { margin: 1rem 0; }
input[type="text"], input[type="password"], input[type="search"], textarea { width: 100%; min-height: 2.9rem; margin-top: 0.25rem; padding: 0.55rem 0.7rem; border: 1px solid var(--soft); border-radius: 0.55rem; background: var(--card); color: var(--ink); font: inherit; }
fieldset { margin: 1rem 0 0; padding: 0; border: 0; }
legend { padding: 0; font-weight: 600; }
.choices { list-style: none; margin: 0.4rem 0 0; padding: 0; border: 1px solid var(--line); border-radius: 0.5rem; }
.choices > li { padding: 0.35rem 0.9rem; }
.choices > li + li { border-top: 1px solid var(--line); }
.choices ul { list-style: none; margin: 0.3rem 0 0; padding: 0 0 0 1.9rem; }
.choice { display: flex; gap: 0.75rem; align-items: flex-start; min-height: 2.75rem; padding: 0.6rem 0; font-weight: 500; cursor: pointer; }
.choice input { flex: none; width: 1.25rem; height: 1.25rem; margin: 0.2rem 0 0; accent-color: var(--mark); }
.choice span span { display: block; color: var(--soft); font-size: 0.93rem; font-weight: 400; }
summary { display: flex; align-items: center; min-height: 2.75rem; padding-left: 2rem; color: var(--mark); cursor: pointer; }
summary::before { content: "+"; width: 1.1rem; font-weight: 700; }
details[open] > summary::before { content: "\\2212"; }
details > p { margin: 0 0 0 2rem; }
.acts { display: flex; flex-wrap: wrap; gap: 0.75rem; margin-top: 1.5rem; }
button, .act { min-height: 2.9rem; padding: 0.55rem 1.2rem; border: 1px solid var(--mark); border-radius: 0.55rem; background: var(--card); color: var(--mark); font: inherit; font-weight: 600; cursor: pointer; text-decoration: none; }
button.main, .act.main { background: var(--mark); color: var(--on-mark); }
button:hover, .act:hover { box-shadow: 0 0 0 3px var(--line); }
button.quiet { padding: 0.55rem 0; border-color: transparent; background: none; font-weight: 500; text-align: left; text-decoration: underline; text-underline-offset: 0.2em; }
button.quiet:hover { box-shadow: none; text-decoration-thickness: 2px; }
.wide { width: 100%; padding: 0.7rem 1rem; border-color: var(--line); color: var(--ink); text-align: left; }
.wide span { display: block; color: var(--soft); font-weight: 400; font-size: 0.95rem; }
a { color: var(--mark); }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
dl { margin: 0.3rem 0 0; } dt { color: var(--soft); font-size: 0.93rem; } dd { margin: 0 0 0.5rem; } dd span { display: block; }
@media (max-width: 30rem) { .acts button.main, .acts button.main ~ button { width: 100%; } }
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
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
    pragma: 'no-cache',
  };
}

/** Of a redirect URI: what `formTargets` says of it. Applications of a machine have a scheme and no origin. */
export function redirectTarget(redirect: string): string {
  const { origin, protocol } = new URL(redirect);
  return origin === 'null' ? protocol : origin;
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
<p class="brand"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M6 21V3l12 4.5L6 12M2 21h20"/></svg>Fairway</p>
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

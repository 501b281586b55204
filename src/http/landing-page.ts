/**
 * The page at `/`: says where everything is. It stands alone: no script, nothing from elsewhere, light and dark, and
 * readable on a phone.
 */
import { createHash } from 'node:crypto';
import { html, type Markup, trusted } from '../base/markup.js';

export interface LandingFacts {
  /** Absolute, without a slash at the end. */
  readonly fhirBase: string;
  readonly version: string;
  readonly auth: 'open' | 'smart';
}

const STYLE = `
:root { color-scheme: light dark; --ink: #16232b; --soft: #52656f; --ground: #fbfcfc; --card: #fff; --line: #d8e1e5; --mark: #0b6e78; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4edf0; --soft: #9fb1b9; --ground: #0f181d; --card: #17232a; --line: #2b3b44; --mark: #5cc8d2; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
h1 { margin: 0; font-size: 2rem; letter-spacing: -0.02em; }
h2 { margin: 2rem 0 0.5rem; font-size: 1.1rem; }
p { margin: 0.4rem 0; }
a { color: var(--mark); overflow-wrap: anywhere; }
a:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
ul { list-style: none; margin: 0; padding: 0; border: 1px solid var(--line); border-radius: 0.5rem; background: var(--card); }
li { padding: 0.6rem 0.9rem; }
li + li { border-top: 1px solid var(--line); }
li span { display: block; color: var(--soft); font-size: 0.9rem; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
.note { margin-top: 1rem; padding: 0.7rem 0.9rem; border-left: 4px solid var(--mark); background: var(--card); }
footer { margin-top: 2.5rem; color: var(--soft); font-size: 0.9rem; }
`;

/** https://www.w3.org/TR/CSP3/#grammardef-hash-source: lets this style in and no other. */
export const STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

interface Entry {
  /** Relative to this page, so that it holds under every name of the server. */
  readonly href: string;
  readonly title: string;
  readonly about: string;
}

const PLACES: readonly Entry[] = [
  {
    href: 'fhir/metadata?_pretty=true',
    title: 'CapabilityStatement',
    about: 'Every resource type, interaction and search parameter',
  },
  { href: 'healthz', title: '/healthz', about: 'The process is alive' },
  { href: 'readyz', title: '/readyz', about: 'The store answers and requests are welcome' },
  { href: 'metrics', title: '/metrics', about: 'Requests and process in the format of Prometheus' },
];

const SEARCHES: readonly Entry[] = [
  { href: 'fhir/Patient?_count=5&_pretty=true', title: 'Patient?_count=5', about: 'The first patients' },
  {
    href: 'fhir/Patient?birthdate=ge1980&gender=female&_sort=birthdate&_pretty=true',
    title: 'Patient?birthdate=ge1980&gender=female&_sort=birthdate',
    about: 'By date and code, sorted',
  },
  {
    href: 'fhir/Observation?category=vital-signs&_sort=-date&_include=Observation:patient&_pretty=true',
    title: 'Observation?category=vital-signs&_sort=-date&_include=Observation:patient',
    about: 'The latest vital signs, with their patients',
  },
  {
    href: 'fhir/Condition?patient.birthdate=lt1960&_pretty=true',
    title: 'Condition?patient.birthdate=lt1960',
    about: 'By a property of the patient',
  },
  {
    href: 'fhir/_history?_count=10&_pretty=true',
    title: '_history?_count=10',
    about: 'The latest changes of everything',
  },
];

const DOCUMENTS: readonly Entry[] = [
  { href: 'https://hl7.org/fhir/R4/http.html', title: 'FHIR R4: RESTful API', about: 'The interactions' },
  { href: 'https://hl7.org/fhir/R4/search.html', title: 'FHIR R4: Search', about: 'The search parameters' },
];

const ACCESS: Readonly<Record<LandingFacts['auth'], string>> = {
  open: 'Open mode: every program of this machine may read and write, and no one else can connect. For trying out, not for patients.',
  smart: 'Access is by SMART on FHIR.',
};

export function landingPage({ fhirBase, version, auth }: LandingFacts): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fairway – FHIR R4 server</title>
<link rel="icon" href="data:,">
<style>${trusted(STYLE)}</style>
</head>
<body>
<main>
<h1>Fairway</h1>
<p>A FHIR R4 server. Its base is <a href="fhir/metadata"><code>${fhirBase}</code></a></p>
<p class="note">${ACCESS[auth]}</p>
<h2>Where everything is</h2>
${list(PLACES)}
<h2>Try a search</h2>
${list(SEARCHES)}
<h2>Read more</h2>
${list(DOCUMENTS)}
<h2>From a terminal</h2>
<p><code>curl '${fhirBase}/Patient?_count=3&amp;_pretty=true'</code></p>
<p><code>fairway load FILE…</code> loads bundles, NDJSON and folders; <code>fairway --help</code> lists the rest.</p>
<footer>Fairway ${version} · FHIR 4.0.1</footer>
</main>
</body>
</html>
`.text;
}

function list(entries: readonly Entry[]): Markup {
  const items = entries.map(
    ({ href, title, about }) => html`<li><a href="${href}">${title}</a><span>${about}</span></li>\n`,
  );
  return html`<ul>\n${items}</ul>`;
}

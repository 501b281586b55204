/**
 * What is asked for: the kick-off request of an export.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-kick-off-request
 *
 * Invariant: equal requests have equal URLs, by which an interrupted export knows the command that goes on with it.
 */
import { dateRange, formatInstant } from '../../fhir/primitives/date.js';
import { ExportProblem } from './problem.js';

/** Of whom: everything, every patient, the members of a group. */
export type ExportLevel =
  | { readonly kind: 'system' }
  | { readonly kind: 'patients' }
  | { readonly kind: 'group'; readonly id: string };

export interface ExportRequest {
  /** The FHIR base of the server. */
  readonly base: URL;
  readonly level: ExportLevel;
  /** All types where there are none. */
  readonly types: readonly string[];
  /** `Type?search`, as the specification has it. */
  readonly typeFilters: readonly string[];
}

const ID = /^[A-Za-z0-9.-]{1,64}$/;
const TYPE = /^[A-Z][A-Za-z]+$/;
const TYPE_FILTER = /^[A-Z][A-Za-z]+\?./;

/** The base that somebody typed, without a slash at its end. */
export function baseUrl(text: string): URL {
  if (!URL.canParse(text)) throw new ExportProblem(`${text} is no URL: give the FHIR base, with https://.`);
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new ExportProblem('The FHIR base begins with https:// or http://.');
  }
  if (url.search !== '' || url.hash !== '' || url.pathname.includes('$')) {
    throw new ExportProblem(
      'Give the FHIR base alone, without an operation or parameters: --group, --patients and --type say what is wanted.',
    );
  }
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}

/** Throws ExportProblem for what no server could take. `since`: an instant. */
export function kickOffUrl(request: ExportRequest, since: string | undefined): string {
  const { level, types, typeFilters } = request;
  checkWords(request);
  const parameters = new URLSearchParams();
  if (types.length > 0) parameters.set('_type', types.join(','));
  if (since !== undefined) parameters.set('_since', since);
  for (const filter of typeFilters) parameters.append('_typeFilter', filter);
  const query = parameters.size === 0 ? '' : `?${parameters}`;
  return `${below(request.base, pathOf(level))}${query}`;
}

/** A URL below the base. */
export function below(base: URL, path: string): string {
  return `${base.href.replace(/\/$/, '')}/${path}`;
}

function pathOf(level: ExportLevel): string {
  switch (level.kind) {
    case 'system':
      return '$export';
    case 'patients':
      return 'Patient/$export';
    case 'group':
      return `Group/${level.id}/$export`;
  }
}

function checkWords({ level, types, typeFilters }: ExportRequest): void {
  if (level.kind === 'group' && !ID.test(level.id)) {
    throw new ExportProblem('The id of a group has letters, digits, - and . only, 64 at most.');
  }
  for (const type of types) {
    if (!TYPE.test(type))
      throw new ExportProblem(`${type} is no resource type: give types like Patient,Condition.`);
  }
  for (const filter of typeFilters) {
    if (!TYPE_FILTER.test(filter)) {
      throw new ExportProblem(
        `A type filter is a type and a search, like 'Observation?category=laboratory'.`,
      );
    }
  }
}

/** A date or a time that somebody typed as the instant at which it begins. */
export function sinceInstant(text: string): string {
  const range = dateRange(text);
  if (range === undefined) {
    throw new ExportProblem(`${text} is no time: give one like 2026-01-31 or 2026-01-31T08:00:00Z.`);
  }
  return formatInstant(range.lo);
}

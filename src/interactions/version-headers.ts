/**
 * ETag, Last-Modified and the conditions on them.
 * https://hl7.org/fhir/R4/http.html#concurrency, https://www.rfc-editor.org/rfc/rfc9110#section-13
 *
 * Invariant: an entity tag is `W/"versionId"`; comparison is weak, and dates compare in whole seconds.
 */
import { Refusal } from '../fhir/outcome.js';
import type { AccessFilter } from '../ports/access-filter.js';
import type { Backend, ExpectedVersion, ResourceKey } from '../ports/backend.js';
import type { FhirRequest } from './request.js';

export interface VersionFacts {
  readonly versionId: string;
  /** Milliseconds. */
  readonly lastUpdated: number;
}

/** A type alias, so that it is a plain record of headers too. */
export type VersionHeaders = { readonly etag: string; readonly 'last-modified': string };

export function versionHeaders(version: VersionFacts): VersionHeaders {
  return { etag: `W/"${version.versionId}"`, 'last-modified': httpDate(version.lastUpdated) };
}

/**
 * Formatting a date takes longer than the rest of a read, and neighbours in a store were written in the same seconds:
 * a small table of the last ones formatted, by second.
 */
const SLOTS = 1024;
const seconds = new Float64Array(SLOTS).fill(Number.NaN);
const formatted: string[] = new Array<string>(SLOTS).fill('');

/** IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`. */
function httpDate(milliseconds: number): string {
  const second = Math.floor(milliseconds / 1000);
  const slot = ((second % SLOTS) + SLOTS) % SLOTS;
  if (seconds[slot] !== second) {
    seconds[slot] = second;
    formatted[slot] = new Date(second * 1000).toUTCString();
  }
  return formatted[slot] as string; // every slot holds a string
}

/** The client has this version already. If-None-Match counts alone where both are sent. */
export function isUnmodified(request: FhirRequest, version: VersionFacts): boolean {
  const noneMatch = request.header('if-none-match');
  if (noneMatch !== undefined) return tagsName(noneMatch, version.versionId);
  const since = request.header('if-modified-since');
  if (since === undefined) return false;
  const time = Date.parse(since);
  return !Number.isNaN(time) && Math.floor(version.lastUpdated / 1000) <= Math.floor(time / 1000);
}

function tagsName(header: string, versionId: string): boolean {
  const tags = entityTags(header);
  return tags === 'any' || tags.includes(versionId);
}

/** The version ids of a list of entity tags; tags without quotes, which some clients send, are understood. */
function entityTags(header: string): readonly string[] | 'any' {
  if (header.trim() === '*') return 'any';
  return header.split(',').map((tag) =>
    tag
      .trim()
      .replace(/^W\//i, '')
      .replace(/^"(.*)"$/, '$1'),
  );
}

/**
 * The version on which If-Match makes a write depend; `any` where it is not sent. A list or `*` is settled by what is
 * there now, on which the write then depends.
 */
export async function expectedVersion(
  request: FhirRequest,
  key: ResourceKey,
  backend: Backend,
  access: AccessFilter,
): Promise<ExpectedVersion> {
  const header = request.header('if-match');
  if (header === undefined) return { kind: 'any' };
  const tags = entityTags(header);
  if (tags !== 'any' && tags.length === 1) return { kind: 'version', versionId: tags[0] as string }; // length is 1
  const current = await backend.read(key, access);
  if (current.kind !== 'found') throw notTheVersion(undefined);
  const { versionId } = current.resource;
  if (tags !== 'any' && !tags.includes(versionId)) throw notTheVersion(versionId);
  return { kind: 'version', versionId };
}

/** 412: If-Match names another version than the one that is there. */
export function notTheVersion(current: string | undefined): Refusal {
  const text =
    current === undefined
      ? 'If-Match names a version, but no current version is there.'
      : 'The resource has changed: If-Match names another version than the current one. Read it, then try again.';
  return new Refusal('precondition-failed', text, current === undefined ? {} : { etag: `W/"${current}"` });
}

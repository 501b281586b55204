/**
 * Bundles written around stored bytes: resources are neither parsed nor copied.
 * https://hl7.org/fhir/R4/bundle.html
 *
 * Invariant: only text of our own making stands between the pieces, and every string in it is escaped.
 */

import type { JsonObject } from '../fhir/format/json.js';
import { serialise } from '../fhir/format/serialise.js';
import { placeOf } from '../fhir/search/contained.js';
import type { ResourceKey } from '../ports/backend.js';

export interface Link {
  readonly relation: 'self' | 'first' | 'previous' | 'next';
  readonly url: string;
}

/** One entry: its JSON in order, text between stored bytes. */
export type EntryPieces = readonly (string | Buffer)[];

export interface BundleHead {
  readonly type: 'searchset' | 'history';
  readonly total?: number;
  readonly links: readonly Link[];
}

export function bundle(head: BundleHead, entries: readonly EntryPieces[]): Buffer[] {
  const opening = {
    resourceType: 'Bundle',
    type: head.type,
    ...(head.total === undefined ? {} : { total: head.total }),
    link: head.links.map((link): JsonObject => ({ ...link })),
  };
  const pieces: (string | Buffer)[] = [serialise(opening).slice(0, -1)];
  entries.forEach((entry, index) => {
    pieces.push(index === 0 ? ',"entry":[' : ',', ...entry);
  });
  pieces.push(entries.length === 0 ? '}' : ']}');
  return joined(pieces);
}

/** Neighbouring texts in one buffer. */
function joined(pieces: readonly (string | Buffer)[]): Buffer[] {
  const buffers: Buffer[] = [];
  let text = '';
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      text += piece;
      continue;
    }
    buffers.push(Buffer.from(text), piece);
    text = '';
  }
  buffers.push(Buffer.from(text));
  return buffers;
}

/** `"fullUrl":"…"`, a member's text; of a contained resource the URL of its container and `#` with the local id. */
export function fullUrl(key: ResourceKey, baseUrl: string): string {
  const place = placeOf(key);
  const { type, id } = place?.container ?? key;
  const fragment = place === undefined ? '' : `#${place.localId}`;
  return `"fullUrl":${serialise(`${baseUrl}/${type}/${id}${fragment}`)}`;
}

/** An entry of a search result. `bytes`: the resource as it is shown. */
export function searchEntry(key: ResourceKey, bytes: Buffer, mode: string, baseUrl: string): EntryPieces {
  return [`{${fullUrl(key, baseUrl)},"resource":`, bytes, `,"search":{"mode":"${mode}"}}`];
}

/** A query string; what a query may carry as it is stays readable. */
export function queryString(pairs: readonly (readonly [string, string])[]): string {
  if (pairs.length === 0) return '';
  return `?${pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')}`;
}

/** Half a surrogate pair, which a JSON string may hold, has no encoding: it becomes the replacement character. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(READABLE, (code) => READABLE_SIGNS[code] ?? code);
}

const READABLE = /%(?:2C|3A|2F|24)/g;
const READABLE_SIGNS: Readonly<Record<string, string>> = { '%2C': ',', '%3A': ':', '%2F': '/', '%24': '$' };

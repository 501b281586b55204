/**
 * Bundles written around stored bytes: resources are not parsed, and copied only where that costs less than to keep them
 * apart.
 * https://hl7.org/fhir/R4/bundle.html
 *
 * Invariant: only text of our own making stands between the pieces, and what may hold anything is escaped in it: types and
 * ids of stored resources have no characters that JSON escapes.
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

/** A bundle of no more bytes is one piece: to copy the resources costs less than a buffer for each text between them. */
const ONE_PIECE = 256 * 1024;
/** UTF-8 has at most as many for one character of a string. */
const MOST_BYTES = 3;

function joined(pieces: readonly (string | Buffer)[]): Buffer[] {
  let most = 0;
  for (const piece of pieces) most += typeof piece === 'string' ? MOST_BYTES * piece.length : piece.length;
  return most <= ONE_PIECE ? [together(pieces, most)] : apart(pieces);
}

function together(pieces: readonly (string | Buffer)[], most: number): Buffer {
  const all = Buffer.allocUnsafe(most);
  let at = 0;
  let text = '';
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      text += piece;
      continue;
    }
    at += all.write(text, at);
    text = '';
    all.set(piece, at);
    at += piece.length;
  }
  at += all.write(text, at);
  return all.subarray(0, at);
}

/** Neighbouring texts in one buffer. */
function apart(pieces: readonly (string | Buffer)[]): Buffer[] {
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
  if (place === undefined) return `"fullUrl":${serialise(baseUrl).slice(0, -1)}/${key.type}/${key.id}"`;
  const { type, id } = place.container;
  return `"fullUrl":${serialise(`${baseUrl}/${type}/${id}#${place.localId}`)}`;
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
  if (AS_IT_IS.test(text)) return text;
  return encodeURIComponent(text.toWellFormed()).replace(READABLE, (code) => READABLE_SIGNS[code] ?? code);
}

/** What most names, and all cursors, are made of. */
const AS_IT_IS = /^[\w.!~*'(),:/$-]*$/;
const READABLE = /%(?:2C|3A|2F|24)/g;
const READABLE_SIGNS: Readonly<Record<string, string>> = { '%2C': ',', '%3A': ':', '%2F': '/', '%24': '$' };

/**
 * The request target by hand: path segments and query pairs, decoded once.
 * https://www.rfc-editor.org/rfc/rfc3986#section-3.3, https://url.spec.whatwg.org/#urlencoded-parsing
 *
 * Invariant: a segment that leaves here holds no slash and no control character and is no dot segment, so that nothing
 * behind can take it for another path.
 */
import { Refusal } from '../fhir/outcome.js';
import type { QueryPair } from '../interactions/request.js';

const SLASH = 0x2f;
const NO_QUERY: readonly QueryPair[] = [];

export interface RequestTarget {
  readonly path: readonly string[];
  readonly query: readonly QueryPair[];
}

/** `from` is where the path below the base begins: at its slash, at `?`, or at the end. */
export function parseRequestTarget(url: string, from: number): RequestTarget {
  const mark = url.indexOf('?', from);
  return {
    path: pathSegments(url, from, mark < 0 ? url.length : mark),
    query: mark < 0 ? NO_QUERY : parsePairs(url.slice(mark + 1)),
  };
}

/** One slash at the end is left aside. */
function pathSegments(url: string, from: number, end: number): readonly string[] {
  const segments: string[] = [];
  let start = from + 1;
  while (start < end) {
    const slash = url.indexOf('/', start);
    const stop = slash < 0 || slash > end ? end : slash;
    segments.push(pathSegment(url.slice(start, stop)));
    start = stop + 1;
  }
  return segments;
}

function pathSegment(raw: string): string {
  const text = raw.includes('%') ? decode(raw) : raw;
  if (text === '' || text === '.' || text === '..' || !isPlain(text)) {
    throw new Refusal(
      'malformed-request',
      'The path holds an empty segment, a dot segment, a slash inside a segment or a control character: send the URL ' +
        'as it is meant.',
    );
  }
  return text;
}

function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code === 0x7f || code === SLASH) return false;
  }
  return true;
}

/** Pairs of a query or a form body, in their order. A name without `=` has an empty value; a plus is a blank. */
export function parsePairs(text: string): readonly QueryPair[] {
  const pairs: QueryPair[] = [];
  for (const part of text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    pairs.push([decodeField(name), equals < 0 ? '' : decodeField(part.slice(equals + 1))]);
  }
  return pairs;
}

function decodeField(raw: string): string {
  const blanks = raw.includes('+') ? raw.replaceAll('+', ' ') : raw;
  const text = blanks.includes('%') ? decode(blanks) : blanks;
  if (text.includes('\0')) {
    throw new Refusal('malformed-request', 'The query holds a NUL character, which no FHIR value has.');
  }
  return text;
}

function decode(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new Refusal(
      'malformed-request',
      'The URL is not percent-encoded UTF-8: write a percent sign as %25, other characters as their UTF-8 bytes.',
    );
  }
}

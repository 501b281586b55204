/**
 * A Bundle's text parsed entry by entry, so that a large one does not hold up other requests.
 *
 *   {"resourceType":"Bundle","type":"transaction","entry":[ {…} , {…} , {…} ]}
 *   └──────────────── parsed as one, with an empty list ─┘ └─┘   └─┘   └─┘  each parsed by itself
 *
 * Invariant: the result is that of parsing the whole text at once. What cannot be cut up so, or is no JSON, is parsed at
 * once, which then says where it is wrong.
 */
import { isObject, type JsonValue } from '../../fhir/format/json.js';
import { JsonSyntaxError, parseJson } from '../../fhir/format/parse.js';
import { readBody, readText } from '../content.js';
import type { Pace } from '../pace.js';
import type { FhirRequest } from '../request.js';

/** Bytes from which on parsing takes noticeable time. */
const LARGE = 262_144;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

export async function readBundle(request: FhirRequest, pace: Pace): Promise<JsonValue> {
  if (request.resource !== undefined || (request.body?.length ?? 0) < LARGE) return readBody(request);
  return (await parseInPieces(readText(request), pace)) ?? readBody(request);
}

/** Undefined where the text is not cut up. */
export async function parseInPieces(text: string, pace: Pace): Promise<JsonValue | undefined> {
  const start = entryList(text);
  if (start === undefined) return undefined;
  try {
    const entries: JsonValue[] = [];
    let at = start;
    do {
      at = afterSpace(text, at + 1);
      const end = afterValue(text, at);
      entries.push(parseJson(text.slice(at, end)));
      at = afterSpace(text, end);
      if (pace.due()) await pace.rest();
    } while (text.charCodeAt(at) === COMMA);
    const shell = parseJson(`${text.slice(0, start + 1)}${text.slice(at)}`);
    if (!isObject(shell) || !Array.isArray(shell.entry) || shell.entry.length > 0) return undefined;
    shell.entry = entries;
    return shell;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}

/** Where the list in the member `entry` of the outermost object opens. */
function entryList(text: string): number | undefined {
  let at = afterSpace(text, text.charCodeAt(0) === 0xfeff ? 1 : 0);
  if (text.charCodeAt(at) !== OPEN_BRACE) return undefined;
  do {
    const name = afterSpace(text, at + 1);
    const nameEnd = afterValue(text, name);
    const colon = afterSpace(text, nameEnd);
    if (text.charCodeAt(name) !== QUOTE || text.charCodeAt(colon) !== COLON) return undefined;
    const value = afterSpace(text, colon + 1);
    if (text.slice(name, nameEnd) === '"entry"') {
      return text.charCodeAt(value) === OPEN_BRACKET ? value : undefined;
    }
    at = afterSpace(text, afterValue(text, value));
  } while (text.charCodeAt(at) === COMMA);
  return undefined;
}

function afterSpace(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) <= 0x20) at++;
  return at;
}

/** The end of the value that begins here, found by brackets and quotes alone: the parser looks at the rest. */
function afterValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = closingQuote(text, at);
        if (depth === 0) return at + 1;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth++;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth--;
        if (depth === 0) return at + 1;
        if (depth < 0) return at;
        break;
      case COMMA:
        if (depth === 0) return at;
        break;
    }
  }
  return text.length;
}

function closingQuote(text: string, opening: number): number {
  for (let at = text.indexOf('"', opening + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let before = at - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((at - before) % 2 === 1) return at;
  }
  return text.length;
}

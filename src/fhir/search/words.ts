/**
 * The words of a resource, for `_text` and `_content`, and what it means that they hold a phrase.
 * https://hl7.org/fhir/R4/search.html#content
 *
 * Invariant: words are folded runs of letters and digits joined by single blanks, so that a phrase is found by comparing
 * texts; a full-text index that splits at blanks finds the same.
 */
import type { JsonValue, ResourceObject } from '../format/json.js';
import type { IndexValue } from './index-value.js';
import type { Phrase, WordsTest } from './query.js';

export interface ResourceWords {
  /** Of the narrative, for `_text`. */
  readonly narrative: string;
  /** Of everything a person would read, the narrative included, for `_content`. */
  readonly content: string;
}

const MARKS = /\p{M}+/gu;
const SEPARATORS = /[^\p{L}\p{N}\p{Co}]+/u;

/** Properties whose texts are no words: technical names, and bytes. */
const WORDLESS: ReadonlySet<string> = new Set([
  'resourceType',
  'id',
  'meta',
  'system',
  'url',
  'reference',
  'data',
  'hash',
  'signature',
]);
const TECHNICAL = /^(?:[a-z][a-z0-9+.-]*:\/\/|urn:|\d{4}-\d\d-\d\d)/;

/** Words of a text, without case and accents. */
export function wordsOf(text: string): readonly string[] {
  return text
    .toLowerCase()
    .normalize('NFD')
    .replace(MARKS, '')
    .split(SEPARATORS)
    .filter((word) => word !== '');
}

export function resourceWords(resource: ResourceObject): ResourceWords {
  const narrative = wordsOf(narrativeOf(resource)).join(' ');
  const texts: string[] = [];
  for (const [name, value] of Object.entries(resource)) if (name !== 'text') collect(name, value, texts);
  const others = wordsOf(texts.join(' ')).join(' ');
  return { narrative, content: [narrative, others].filter((words) => words !== '').join(' ') };
}

/** The values by which a resource is found, those of `_text` and `_content` among them. */
export function withWords(
  index: (resource: ResourceObject) => readonly IndexValue[],
): (resource: ResourceObject) => readonly IndexValue[] {
  return (resource) => {
    const { narrative, content } = resourceWords(resource);
    return [
      ...index(resource),
      { kind: 'words', param: '_text', words: narrative },
      { kind: 'words', param: '_content', words: content },
    ];
  };
}

export function holdsWords(words: string, { phrases }: WordsTest): boolean {
  return phrases.every((phrase) => holdsPhrase(words, phrase));
}

function holdsPhrase(words: string, { words: wanted, begins }: Phrase): boolean {
  return ` ${words} `.includes(begins ? ` ${wanted}` : ` ${wanted} `);
}

function narrativeOf({ text }: ResourceObject): string {
  const div = typeof text === 'object' && text !== null && 'div' in text ? text.div : undefined;
  return typeof div === 'string' ? plainText(div) : '';
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
};

/** What stands between tags; each tag parts words. */
function plainText(xhtml: string): string {
  return xhtml
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]+));/gi, (whole, hex, decimal, name) =>
      name === undefined
        ? character(Number.parseInt(hex ?? decimal, hex === undefined ? 10 : 16))
        : (ENTITIES[name] ?? whole),
    );
}

function character(point: number): string {
  return point <= 0x10ffff ? String.fromCodePoint(point) : ' ';
}

function collect(name: string, value: JsonValue, into: string[]): void {
  if (typeof value === 'string') {
    if (!WORDLESS.has(name) && !TECHNICAL.test(value)) into.push(value);
    return;
  }
  if (Array.isArray(value)) {
    for (const item of value) collect(name, item, into);
    return;
  }
  if (typeof value !== 'object' || value === null || WORDLESS.has(name)) return;
  for (const [inner, one] of Object.entries(value)) collect(inner, one, into);
}

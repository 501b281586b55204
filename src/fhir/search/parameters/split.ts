/**
 * Values of search parameters: `,` separates alternatives, `|` and `$` their parts; `\` takes each of them literally.
 * https://hl7.org/fhir/R4/search.html#escaping
 *
 * Invariant: parts are split first and unescaped last, so that an escaped separator never separates.
 */
import { malformed, type Problem } from './problem.js';

/** The parts, still escaped. */
export function splitUnescaped(text: string, separator: ',' | '|' | '$'): readonly string[] {
  if (!text.includes('\\')) return text.split(separator);
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

export function unescaped(text: string): string | Problem {
  if (!text.includes('\\')) return text;
  const plain = text.replace(/\\([,|$\\])/g, '$1');
  // What is left of the backslashes after all pairs are taken out belongs to no pair.
  if (text.replace(/\\[,|$\\]/g, '').includes('\\')) {
    return malformed('holds a backslash that escapes nothing: write a backslash itself as \\\\');
  }
  return plain;
}

/**
 * `_text` and `_content`: all words must be there, in any order; "several words" in quotes as they stand; `wor*` begins a word.
 * https://hl7.org/fhir/R4/search.html#content
 */
import type { Phrase, Predicate } from '../query.js';
import { anyOf } from '../tree.js';
import { wordsOf } from '../words.js';
import type { Found } from './modifiers.js';
import { malformed, Problem } from './problem.js';
import type { Reading } from './reading.js';
import { splitUnescaped, unescaped } from './split.js';

const MAX_PHRASES = 32;
const TERMS = /"([^"]*)"(\*?)|([^\s"]+)/g;

/** `param` is the code under which the words are looked for. */
export function readWords(
  param: '_text' | '_content',
): (type: string, value: string, reading: Reading) => Found {
  return (type, text, { definitions }) => {
    if (definitions.searchParameters.get(type)?.has(param) !== true) {
      return [
        new Problem(
          'unknown',
          `is not known on ${type}, which has no narrative: /metadata lists those there are`,
        ),
      ];
    }
    const alternatives: Predicate[] = [];
    const problems: Problem[] = [];
    for (const part of splitUnescaped(text, ',')) {
      const phrases = readPhrases(part);
      if (phrases instanceof Problem) problems.push(phrases);
      else alternatives.push({ op: 'value', param, test: { kind: 'words', phrases } });
    }
    return problems.length > 0 ? problems : anyOf(alternatives);
  };
}

function readPhrases(escaped: string): readonly Phrase[] | Problem {
  const text = unescaped(escaped);
  if (text instanceof Problem) return text;
  if ((text.match(/"/g)?.length ?? 0) % 2 === 1)
    return malformed('has a quotation mark that is never closed');
  const phrases: Phrase[] = [];
  for (const [, quoted, star, bare = ''] of text.matchAll(TERMS)) {
    const words = wordsOf(quoted ?? bare).join(' ');
    if (words !== '')
      phrases.push({ words, begins: star === '*' || (quoted === undefined && bare.endsWith('*')) });
  }
  if (phrases.length === 0) return malformed('holds no word to look for');
  if (phrases.length > MAX_PHRASES)
    return malformed(`has more than ${MAX_PHRASES} words: a phrase in quotes is one`);
  return phrases;
}

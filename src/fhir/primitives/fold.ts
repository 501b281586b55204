/**
 * How texts and codes are made comparable, alike in index values and in searches.
 * https://hl7.org/fhir/R4/search.html#string, https://hl7.org/fhir/R4/search.html#token
 *
 * Invariant: folding what is folded changes nothing.
 */
const ASCII = /^[\x20-\x7e]*$/;
const MARKS = /\p{M}+/gu;
const WHITE_SPACE = /\s+/g;

/** Lower case, without accents, white space collapsed and trimmed. */
export function foldString(text: string): string {
  const lower = text.toLowerCase();
  // Decomposed after lower-casing: some capitals (İ) become a letter and a mark.
  const plain = ASCII.test(lower) ? lower : lower.normalize('NFD').replace(MARKS, '');
  return plain.replace(WHITE_SPACE, ' ').trim();
}

/** For codes that are compared without case. */
export function foldToken(text: string): string {
  return text.toLowerCase();
}

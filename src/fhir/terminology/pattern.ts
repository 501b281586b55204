/**
 * Regular expressions of value sets, as far as they can be run on every code of a system without risk.
 * https://hl7.org/fhir/R4/valueset-filter-operator.html (regex)
 *
 * Invariant: no expression that is taken can need more than quadratic time in the length of a short text: nothing that
 * repeats stands inside of something that repeats, and little of it repeats at all.
 */

const MAX_PATTERN = 500;
const MAX_TEXT = 200;
/** `*`, `+` and `{…}`; and `?`, each of which may double the work. */
const MAX_REPEATS = 2;
const MAX_OPTIONS = 4;

/** Does the whole of the text match? Undefined: the expression is none, or not one that is safe to run. */
export function safePattern(source: string): ((text: string) => boolean) | undefined {
  if (source.length > MAX_PATTERN || !isTame(source)) return undefined;
  try {
    const expression = new RegExp(`^(?:${source})$`, 'u');
    return (text) => text.length <= MAX_TEXT && expression.test(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isTame(source: string): boolean {
  // Classes and escapes are characters: what stands in them repeats nothing. A number after \ would refer back.
  if (/\\[0-9k]/.test(source)) return false;
  const plain = source.replace(/\\./gsu, 'x').replace(/\[[^\]]*\]/g, 'x');
  if (/\(\?/.test(plain) || /\)[*+?{]/.test(plain)) return false;
  const repeats = plain.match(/[*+]|\{[^}]*\}/g)?.length ?? 0;
  const options = plain.match(/\?/g)?.length ?? 0;
  return repeats <= MAX_REPEATS && options <= MAX_OPTIONS;
}

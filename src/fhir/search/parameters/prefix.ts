/**
 * Prefixes of ordered values: `ge2020`, `lt5.4`.
 * https://hl7.org/fhir/R4/search.html#prefix
 */
export type SearchPrefix = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb' | 'ap';

const PREFIXED = /^(eq|ne|gt|lt|ge|le|sa|eb|ap)(.*)$/s;

export const PREFIX_HINT = 'with one of the prefixes eq, ne, gt, lt, ge, le, sa, eb, ap before it if need be';

export interface Prefixed {
  readonly prefix: SearchPrefix;
  readonly rest: string;
}

/** Without a prefix, `eq` is meant. */
export function readPrefix(text: string): Prefixed {
  const parts = PREFIXED.exec(text);
  if (parts === null) return { prefix: 'eq', rest: text };
  return { prefix: parts[1] as SearchPrefix, rest: parts[2] as string }; // both groups take part in every match
}

/**
 * The values of our own records: small JSON of texts, whole numbers and lists, so that nothing is lost by JavaScript's
 * numbers. Resources never come by here.
 */

/** The caller names what it wrote under that kind itself. */
export function readValue<T>(text: string): T {
  return JSON.parse(text) as T;
}

export function writeValue(value: object): string {
  return JSON.stringify(value);
}

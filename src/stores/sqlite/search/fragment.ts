/**
 * Pieces of SQL with the values bound in them. Text depends on the shape of a query alone, so that statements are
 * prepared once per shape.
 */
import type { Cell } from '../connection.js';

export interface Fragment {
  readonly text: string;
  readonly values: readonly Cell[];
}

export const TRUE: Fragment = { text: '1', values: [] };
export const FALSE: Fragment = { text: '0', values: [] };

/** A template whose fragments are spliced in and whose other values are bound. */
export function sql(strings: TemplateStringsArray, ...parts: readonly (Fragment | Cell)[]): Fragment {
  let text = strings[0] ?? '';
  const values: Cell[] = [];
  for (const [at, part] of parts.entries()) {
    if (isFragment(part)) {
      text += part.text;
      values.push(...part.values);
    } else {
      text += '?';
      values.push(part);
    }
    text += strings[at + 1] ?? '';
  }
  return { text, values };
}

/** A piece of SQL as it is: names of columns, keywords. Never anything that came from outside. */
export function raw(text: string): Fragment {
  return { text, values: [] };
}

export function and(fragments: readonly Fragment[]): Fragment {
  const terms = fragments.filter((fragment) => fragment !== TRUE);
  if (terms.includes(FALSE)) return FALSE;
  return terms.length === 0 ? TRUE : joined(terms, ' AND ');
}

export function or(fragments: readonly Fragment[]): Fragment {
  const terms = fragments.filter((fragment) => fragment !== FALSE);
  if (terms.includes(TRUE)) return TRUE;
  return terms.length === 0 ? FALSE : joined(terms, ' OR ');
}

export function not(fragment: Fragment): Fragment {
  if (fragment === TRUE) return FALSE;
  return fragment === FALSE ? TRUE : sql`NOT (${fragment})`;
}

/** The column's text begins with the value: a range of its index. */
export function startsWith(column: string, value: string): Fragment {
  return sql`${raw(column)} >= ${value} AND ${raw(column)} < ${`${value}\u{10FFFF}`}`;
}

/** Longer lists travel as one JSON array, so that their length does not change the text. */
const INLINE_LIST = 8;

/** `expression` is one of the numbers. */
export function oneOf(expression: Fragment, numbers: readonly number[]): Fragment {
  if (numbers.length === 0) return FALSE;
  if (numbers.length === 1) return sql`${expression} = ${numbers[0] ?? null}`;
  if (numbers.length > INLINE_LIST) return sql`${expression} IN (SELECT value FROM ${rowsOf(numbers)})`;
  return sql`${expression} IN (${{ text: numbers.map(() => '?').join(', '), values: numbers }})`;
}

/** A table of one column, `value`. */
export function rowsOf(numbers: readonly number[]): Fragment {
  return sql`json_each(${JSON.stringify(numbers)})`;
}

/** With commas between them. */
export function listed(fragments: readonly Fragment[]): Fragment {
  return {
    text: fragments.map(({ text }) => text).join(', '),
    values: fragments.flatMap(({ values }) => values),
  };
}

function joined(fragments: readonly Fragment[], separator: string): Fragment {
  if (fragments.length === 1) return fragments[0] as Fragment; // its length was just looked at
  return {
    text: `(${fragments.map(({ text }) => text).join(separator)})`,
    values: fragments.flatMap(({ values }) => values),
  };
}

function isFragment(part: Fragment | Cell): part is Fragment {
  return typeof part === 'object' && part !== null && 'text' in part;
}

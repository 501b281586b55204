/**
 * The words and signs of a FHIRPath expression.
 * https://hl7.org/fhirpath/N1/#lexical-elements
 */
export type Lexeme =
  | { readonly kind: 'name'; readonly value: string }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'sign'; readonly value: string };

const LEXEME = /\s*(?:([A-Za-z_][A-Za-z0-9_]*)|'([^'\\]*)'|(\d+)|(%resource|\$this|!=|[.()[\]|=]))\s*/y;

/** The lexemes, or what is wrong. */
export function lexemesOf(text: string): readonly Lexeme[] | string {
  const lexemes: Lexeme[] = [];
  LEXEME.lastIndex = 0;
  let at = 0;
  while (at < text.length) {
    LEXEME.lastIndex = at;
    const found = LEXEME.exec(text);
    if (found === null) return `the sign at position ${at + 1} is not known`;
    const [all, name, quoted, digits, sign] = found;
    if (name !== undefined) lexemes.push({ kind: 'name', value: name });
    else if (quoted !== undefined) lexemes.push({ kind: 'text', value: quoted });
    else if (digits !== undefined) lexemes.push({ kind: 'number', value: Number(digits) });
    else if (sign !== undefined) lexemes.push({ kind: 'sign', value: sign });
    at += all.length;
  }
  return lexemes;
}

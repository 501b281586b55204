/**
 * HTML as values: a template in which everything is escaped but what is markup itself.
 *
 * Invariant: text from outside cannot become markup; attributes are always written between double quotes.
 */

/** HTML that may stand as it is. Made by `html` alone. */
export class Markup {
  constructor(readonly text: string) {}
}

type Piece = Markup | string | number | undefined | false | readonly Piece[];

/** `undefined` and `false` are left out, arrays are joined. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  let text = strings[0] ?? '';
  for (const [at, piece] of pieces.entries()) text += written(piece) + (strings[at + 1] ?? '');
  return new Markup(text);
}

/** Text that we wrote ourselves: a style sheet. Never anything from outside. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function written(piece: Piece): string {
  if (piece === undefined || piece === false) return '';
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === 'object') return piece.map(written).join('');
  return String(piece).replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Makes tokens that clients carry for us: encrypted, authenticated, bound to a purpose (`search-cursor`).
 * A token that was changed, made for another purpose or by another store opens to undefined.
 */
export interface Sealer {
  /** URL-safe text. */
  seal(purpose: string, payload: string): string;
  open(purpose: string, token: string): string | undefined;
}

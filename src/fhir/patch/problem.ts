/** Why an operation of a FHIRPath Patch cannot be carried out; its number and place are added where it is caught. */
export class Problem extends Error {
  override readonly name = 'Problem';

  /** `text` goes on after "Operation 1 (add) ". */
  constructor(
    readonly kind: 'patch-invalid' | 'patch-failed',
    text: string,
  ) {
    super(text);
  }
}

/** No resource could take this. */
export function invalid(text: string): Problem {
  return new Problem('patch-invalid', text);
}

/** This resource cannot take it, as it is now. */
export function failed(text: string): Problem {
  return new Problem('patch-failed', text);
}

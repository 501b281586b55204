/**
 * The FHIRPath that paths of a FHIRPath Patch are written in: members, indices, filters; nothing that computes.
 * https://hl7.org/fhir/R4/fhirpatch.html, https://hl7.org/fhirpath/N1/
 *
 *   Patient.contact.where(gender = 'male' and name.exists()).telecom[0]
 *
 * Invariant: every expression read here leads to places of the resource; whatever else FHIRPath has is refused.
 */
export type Step =
  | { readonly kind: 'member'; readonly name: string }
  /** Negative from the end: `last()` is −1. */
  | { readonly kind: 'item'; readonly index: number }
  | { readonly kind: 'single' }
  | { readonly kind: 'where'; readonly criterion: Criterion }
  | { readonly kind: 'of-type'; readonly type: string }
  | { readonly kind: 'extension'; readonly url: string };

export interface Path {
  /** The type that it begins with (`Patient`), where it names one. */
  readonly root?: string;
  readonly steps: readonly Step[];
}

export type Criterion =
  | { readonly kind: 'and' | 'or'; readonly left: Criterion; readonly right: Criterion }
  | { readonly kind: 'compare'; readonly path: Path; readonly literal: Literal; readonly negated: boolean }
  | { readonly kind: 'exists' | 'empty' | 'true'; readonly path: Path };

export type Literal =
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'number'; readonly value: string }
  | { readonly kind: 'boolean'; readonly value: boolean };

/** What is wrong with an expression: where and why, without its text. */
export class PathError extends Error {
  override readonly name = 'PathError';
}

interface Token {
  readonly kind: 'name' | 'text' | 'number' | 'sign' | 'end';
  readonly value: string;
  /** From 1. */
  readonly position: number;
}

const TOKEN =
  /\s*(?:([A-Za-z_]\w*|`[A-Za-z_]\w*`)|'((?:[^'\\]|\\.)*)'|@([\d:.TZ+-]+)|(-?\d+(?:\.\d+)?)|(%resource|%context|\$this|!=|[.()[\]=])|($))/suy;
const MAX_LENGTH = 2000;
const MAX_NESTING = 20;

export function parsePath(text: string): Path {
  const reader = new Reader(tokensOf(text));
  const path = reader.path();
  reader.expect('end', '');
  return path;
}

/** A truth about one element: `use = 'official' and family.exists()`. */
export function parseCriterion(text: string): Criterion {
  const reader = new Reader(tokensOf(text));
  const criterion = reader.criterion();
  reader.expect('end', '');
  return criterion;
}

function tokensOf(text: string): readonly Token[] {
  if (text.length > MAX_LENGTH) throw new PathError(`it is longer than ${MAX_LENGTH} characters`);
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (found === null) throw new PathError(`the sign at character ${at + 1} has no place in it`);
    const [all, name, quoted, date, number, sign] = found;
    const position = at + 1;
    at += all.length;
    if (name !== undefined) tokens.push({ kind: 'name', value: name.replaceAll('`', ''), position });
    else if (quoted !== undefined) tokens.push({ kind: 'text', value: unescapeText(quoted), position });
    else if (date !== undefined) tokens.push({ kind: 'text', value: date, position });
    else if (number !== undefined) tokens.push({ kind: 'number', value: number, position });
    else if (sign !== undefined) tokens.push({ kind: 'sign', value: sign, position });
    else return [...tokens, { kind: 'end', value: '', position }];
  }
}

const ESCAPES: Readonly<Record<string, string>> = { f: '\f', n: '\n', r: '\r', t: '\t' };

/** https://hl7.org/fhirpath/N1/#string */
function unescapeText(text: string): string {
  return text.replace(/\\(?:u([0-9A-Fa-f]{4})|(.))/gsu, (_all, code: string | undefined, letter: string) =>
    code === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

type Judgement = 'exists' | 'empty';

class Reader {
  private at = 0;
  private nesting = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  path(): Path {
    const { path, judgement } = this.judgedPath();
    if (judgement !== undefined) throw new PathError(`${judgement}() leads to no element`);
    return path;
  }

  /** Takes the token if it is that one. */
  private take(kind: Token['kind'], value: string): boolean {
    const token = this.token();
    const taken = token.kind === kind && token.value === value;
    if (taken) this.at++;
    return taken;
  }

  expect(kind: Token['kind'], value: string): void {
    if (!this.take(kind, value)) throw this.unexpected();
  }

  private token(): Token {
    return this.tokens[this.at] ?? { kind: 'end', value: '', position: 0 };
  }

  private next(kind: Token['kind']): string {
    const token = this.token();
    if (token.kind !== kind) throw this.unexpected();
    this.at++;
    return token.value;
  }

  private unexpected(): PathError {
    return new PathError(`what begins at character ${this.token().position} is not expected there`);
  }

  private judgedPath(): { readonly path: Path; readonly judgement?: Judgement } {
    const cast = this.take('sign', '(') ? this.cast() : undefined;
    const steps: Step[] = [...(cast?.steps ?? [])];
    const root = cast === undefined ? this.root() : (cast.root ?? '');
    let judgement: Judgement | undefined;
    if (root === undefined) judgement = this.step(steps);
    while (judgement === undefined) {
      if (this.take('sign', '[')) {
        steps.push({ kind: 'item', index: this.index() });
        this.expect('sign', ']');
      } else if (this.take('sign', '.')) judgement = this.step(steps);
      else break;
    }
    const path = { ...(root === undefined || root === '' ? {} : { root }), steps };
    return judgement === undefined ? { path } : { path, judgement };
  }

  /** `(Observation.value as Quantity)`, behind its opening parenthesis. */
  private cast(): Path {
    if (++this.nesting > MAX_NESTING) throw new PathError(`it is nested deeper than ${MAX_NESTING} levels`);
    const { steps, ...inner } = this.path();
    const types: Step[] = this.take('name', 'as') ? [{ kind: 'of-type', type: this.typeName() }] : [];
    this.expect('sign', ')');
    this.nesting--;
    return { ...inner, steps: [...steps, ...types] };
  }

  /** '' for `$this` and its like; undefined where the path begins with a step. */
  private root(): string | undefined {
    for (const sign of ['%resource', '%context', '$this']) if (this.take('sign', sign)) return '';
    const { kind, value } = this.token();
    return kind === 'name' && /^[A-Z]/.test(value) ? this.next('name') : undefined;
  }

  private index(): number {
    const digits = this.next('number');
    if (!/^\d{1,9}$/.test(digits)) throw this.unexpected();
    return Number(digits);
  }

  private step(steps: Step[]): Judgement | undefined {
    const name = this.next('name');
    if (!this.take('sign', '(')) {
      steps.push({ kind: 'member', name });
      return undefined;
    }
    const made = this.called(name);
    this.expect('sign', ')');
    if (typeof made === 'string') return made;
    steps.push(made);
    return undefined;
  }

  private called(name: string): Step | Judgement {
    switch (name) {
      case 'where':
        return { kind: 'where', criterion: this.criterion() };
      case 'ofType':
      case 'as':
        return { kind: 'of-type', type: this.typeName() };
      case 'extension':
        return { kind: 'extension', url: this.next('text') };
      case 'first':
        return { kind: 'item', index: 0 };
      case 'last':
        return { kind: 'item', index: -1 };
      case 'single':
        return { kind: 'single' };
      case 'exists':
      case 'empty':
        return name;
      default:
        throw new PathError(
          `${name}() cannot be used here: use members, [index], where(), ofType(), extension(), first() and last()`,
        );
    }
  }

  private typeName(): string {
    const name = this.next('name');
    return (name === 'FHIR' || name === 'System') && this.take('sign', '.') ? this.next('name') : name;
  }

  /** `or` binds weaker than `and`. */
  criterion(): Criterion {
    if (++this.nesting > MAX_NESTING) throw new PathError(`it is nested deeper than ${MAX_NESTING} levels`);
    let left = this.conjunction();
    while (this.take('name', 'or')) left = { kind: 'or', left, right: this.conjunction() };
    this.nesting--;
    return left;
  }

  private conjunction(): Criterion {
    let left = this.condition();
    while (this.take('name', 'and')) left = { kind: 'and', left, right: this.condition() };
    return left;
  }

  private condition(): Criterion {
    if (this.take('sign', '(')) {
      const inner = this.criterion();
      this.expect('sign', ')');
      return inner;
    }
    // Here it would be the whole resource, not the element that is judged.
    if (this.token().value.startsWith('%')) throw this.unexpected();
    const { path, judgement } = this.judgedPath();
    if (judgement !== undefined) return { kind: this.negated(judgement), path };
    const negated = this.take('sign', '!=');
    if (!negated && !this.take('sign', '=')) return { kind: 'true', path };
    return { kind: 'compare', path, literal: this.literal(), negated };
  }

  /** `exists().not()` */
  private negated(judgement: Judgement): Judgement {
    if (!this.take('sign', '.')) return judgement;
    this.expect('name', 'not');
    this.expect('sign', '(');
    this.expect('sign', ')');
    return judgement === 'exists' ? 'empty' : 'exists';
  }

  private literal(): Literal {
    const { kind, value } = this.token();
    if (kind === 'name' && (value === 'true' || value === 'false')) {
      this.at++;
      return { kind: 'boolean', value: value === 'true' };
    }
    if (kind !== 'text' && kind !== 'number') throw this.unexpected();
    this.at++;
    return { kind, value };
  }
}

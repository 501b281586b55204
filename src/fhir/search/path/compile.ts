/**
 * Search expressions as closures. A step is handed a JSON value and pushes what it leads to into the next step; the
 * type of every place is known from the definitions, so the last step is made for exactly that type.
 * https://hl7.org/fhirpath/N1/#path-selection
 *
 * Invariant: an expression is compiled once and keeps no state between values; a choice that no step wants costs
 * nothing when values pass. Where search needs it, more generous than FHIRPath: `as` takes each item of a list, and a
 * union may repeat a value.
 */
import type { JsonObject, JsonValue } from '../../format/json.js';
import { type Criterion, compileCriterion } from './criterion.js';
import type { Branch, Elements } from './elements.js';
import { type Expression, UnknownElement, UnsupportedExpression } from './expression.js';

/** Where a walk puts what it finds; the resource itself stands there for `%resource`. */
export interface Walk {
  readonly resource: JsonObject;
}

export type Step<W extends Walk> = (value: JsonValue, walk: W) => void;

/** The step for values of a type; undefined = such values are of no interest. */
export type Finish<W extends Walk> = (type: string) => Step<W> | undefined;

export interface Scope {
  readonly elements: Elements;
  /** Type of the resource that the walk starts in. */
  readonly resourceType: string;
  /** Type of what the expression starts from. */
  readonly focus: string;
  /** `resolve() is type`, judged by the reference alone. */
  readonly resolvesTo: (reference: JsonValue, type: string) => boolean;
  /** For messages. */
  readonly text: string;
}

/** The step to hand the focus to; undefined when the expression can yield nothing that `then` wants. */
export function compileExpression<W extends Walk>(
  expression: Expression,
  scope: Scope,
  then: Finish<W>,
): Step<W> | undefined {
  switch (expression.kind) {
    case 'focus':
      return then(scope.focus);
    case 'type':
      return isA(scope, expression.type) ? then(scope.focus) : undefined;
    case 'resource':
      return fromResource(then(scope.resourceType));
    case 'member':
      return compileExpression(
        expression.of,
        scope,
        oncePerType((owner) => member(scope, owner, expression.name, then)),
      );
    case 'index':
      return indexed(expression, scope, then);
    case 'where':
      return compileExpression(expression.of, scope, (type) =>
        filtered(compileCriterion<W>(expression.criterion, { ...scope, focus: type }), then(type)),
      );
    case 'of-type':
      return compileExpression(expression.of, scope, (type) =>
        type === expression.type ? then(type) : undefined,
      );
    case 'extension':
      return compileExpression(expression.of, scope, (owner) =>
        member(scope, owner, 'extension', (type) =>
          filtered((item) => isExtension(item, expression.url), then(type)),
        ),
      );
    case 'union':
      return inTurn(expression.of.map((one) => compileExpression(one, scope, then)));
    case 'equals':
    case 'and':
    case 'exists':
    case 'has-extension':
      return judged(compileCriterion<W>(expression, scope), then('boolean'));
    case 'resolves-to':
    case 'literal':
      throw new UnsupportedExpression(scope.text, `${expression.kind} stands alone`);
  }
}

/** `Resource` and `DomainResource` are the bases of every focus that such an expression is given. */
function isA(scope: Scope, type: string): boolean {
  return type === scope.focus || type === 'Resource' || type === 'DomainResource';
}

function member<W extends Walk>(
  scope: Scope,
  owner: string,
  name: string,
  then: Finish<W>,
): Step<W> | undefined {
  const found = branches(scope, owner, name);
  let misfit: UnknownElement | undefined;
  let fits = 0;
  const steps = found.map(({ key, type }) => {
    try {
      const next = then(type);
      fits += 1;
      return next === undefined ? undefined : property(key, next);
    } catch (error) {
      // `value.code` goes on where the value is of a type with a code, and nowhere else.
      if (!(error instanceof UnknownElement)) throw error;
      misfit = error;
      return undefined;
    }
  });
  if (misfit !== undefined && fits === 0) throw misfit;
  return inTurn(steps);
}

/** Behind a choice of types the same type is met on many ways: without this each step would multiply them. */
function oncePerType<W extends Walk>(make: Finish<W>): Finish<W> {
  const made = new Map<string, Step<W> | UnknownElement | undefined>();
  return (type) => {
    if (!made.has(type))
      made.set(
        type,
        attempted(() => make(type)),
      );
    const step = made.get(type);
    if (step instanceof UnknownElement) throw step;
    return step;
  };
}

function attempted<T>(make: () => T): T | UnknownElement {
  try {
    return make();
  } catch (error) {
    if (error instanceof UnknownElement) return error;
    throw error;
  }
}

function branches(scope: Scope, owner: string, name: string): readonly Branch[] {
  const found = scope.elements(owner, name);
  if (found.length === 0) throw new UnknownElement(scope.text, `${owner} has no element ${name}`);
  return found;
}

/** Nulls in arrays are places of `_element` siblings. */
function property<W extends Walk>(key: string, next: Step<W>): Step<W> {
  return (value, walk) => {
    const found = (value as JsonObject)[key]; // a scalar has no such property, which gives undefined
    if (found === undefined || found === null) return;
    if (!Array.isArray(found)) next(found, walk);
    else for (const item of found) if (item !== null) next(item, walk);
  };
}

/** `entry[0]` is a place of the one focus only; behind several owners it would be one item of them all. */
function indexed<W extends Walk>(
  expression: Extract<Expression, { kind: 'index' }>,
  scope: Scope,
  then: Finish<W>,
): Step<W> | undefined {
  const { of, index } = expression;
  if (of.kind !== 'member' || (of.of.kind !== 'type' && of.of.kind !== 'focus')) {
    throw new UnsupportedExpression(scope.text, 'an index is possible on an element of the root only');
  }
  return compileExpression(of.of, scope, (owner) =>
    inTurn(
      branches(scope, owner, of.name).map(({ key, type }) => {
        const next = then(type);
        return next === undefined ? undefined : item(key, index, next);
      }),
    ),
  );
}

function item<W extends Walk>(key: string, index: number, next: Step<W>): Step<W> {
  return (value, walk) => {
    const list = (value as JsonObject)[key]; // as in property()
    const found = Array.isArray(list) ? list[index] : undefined;
    if (found !== undefined && found !== null) next(found, walk);
  };
}

function isExtension(value: JsonValue, url: string): boolean {
  return (value as JsonObject).url === url; // an Extension is an object
}

function filtered<W extends Walk>(criterion: Criterion<W>, next: Step<W> | undefined): Step<W> | undefined {
  if (next === undefined) return undefined;
  return (value, walk) => {
    if (criterion(value, walk) === true) next(value, walk);
  };
}

/** A boolean expression yields its truth; `empty` yields nothing. */
function judged<W extends Walk>(criterion: Criterion<W>, next: Step<W> | undefined): Step<W> | undefined {
  if (next === undefined) return undefined;
  return (value, walk) => {
    const truth = criterion(value, walk);
    if (truth !== undefined) next(truth, walk);
  };
}

function fromResource<W extends Walk>(next: Step<W> | undefined): Step<W> | undefined {
  return next === undefined ? undefined : (_value, walk) => next(walk.resource, walk);
}

function inTurn<W extends Walk>(steps: readonly (Step<W> | undefined)[]): Step<W> | undefined {
  const wanted = steps.filter((step) => step !== undefined);
  if (wanted.length <= 1) return wanted[0];
  return (value, walk) => {
    for (const step of wanted) step(value, walk);
  };
}

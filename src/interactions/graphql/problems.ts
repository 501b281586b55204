/**
 * What is wrong with a document, found before anything is read: all of it, each with its line and column.
 * https://hl7.org/fhir/R4/graphql.html#errors
 *
 * Where a selection stands on several types at once (`resource { … }` of a reference), a node is wrong only if none of
 * them accepts it.
 */
import { type ASTNode, getLocation } from 'graphql';
import { type Issue, type IssueCode, Refusal } from '../../fhir/outcome.js';

const SHOWN = 20;

/** A text that costs something to find, such as what comes near, is made only when it is told. */
type Text = string | (() => string);

interface Found {
  readonly text: Text;
  readonly code: IssueCode;
}

export class Problems {
  readonly #found = new Map<ASTNode, Found>();
  /** Found right here, or in one of several readings. */
  readonly #accepted = new Set<ASTNode>();

  /** The first problem of a node is told. */
  add(node: ASTNode, text: Text, code: IssueCode = 'invalid'): void {
    this.#accepted.delete(node);
    if (!this.#found.has(node)) this.#found.set(node, { text, code });
  }

  /** Nothing is wrong with the node itself, unless that was found already. */
  accept(node: ASTNode): void {
    if (!this.#found.has(node)) this.#accepted.add(node);
  }

  /** What was found below. */
  include(below: Problems): void {
    for (const [node, found] of below.#found) if (!this.#found.has(node)) this.#found.set(node, found);
    for (const node of below.#accepted) this.#accepted.add(node);
  }

  /** What all of several readings of the same selection find wrong. */
  static common(readings: readonly Problems[]): Problems {
    const common = new Problems();
    for (const reading of readings) common.include(reading);
    for (const node of common.#accepted) common.#found.delete(node);
    return common;
  }

  throwIfAny(): void {
    if (this.#found.size === 0) return;
    throw new Refusal('invalid-parameter', [...this.#found].slice(0, SHOWN).map(issueOf));
  }
}

function issueOf([node, { text, code }]: readonly [ASTNode, Found]): Issue {
  const problem = typeof text === 'string' ? text : text();
  return { severity: 'error', code, text: `${placeOf(node)}${problem}` };
}

function placeOf({ loc }: ASTNode): string {
  if (loc === undefined) return '';
  const { line, column } = getLocation(loc.source, loc.start);
  return `Line ${line}, column ${column}: `;
}

/** A list of names that come near, as the end of a sentence. */
export function hint(near: readonly string[], otherwise: string): string {
  return near.length === 0 ? otherwise : `did you mean ${near.join(', ')}?`;
}

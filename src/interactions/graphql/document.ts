/**
 * The text of a GraphQL document → the operation that is to be executed, with its fragments.
 * https://spec.graphql.org/October2021/#sec-Document, https://spec.graphql.org/October2021/#sec-Fragment-spreads-must-not-form-cycles
 *
 * Invariant: what comes out of here is finite and small: no cycles, no more fields and no deeper than the limits, however
 * often fragments are used.
 */
import {
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  Lexer,
  type OperationDefinitionNode,
  parse,
  type SelectionSetNode,
  Source,
  TokenKind,
} from 'graphql';
import { Refusal } from '../../fhir/outcome.js';
import { nearest } from '../../fhir/search/nearest.js';
import { MAX_BRACKETS, MAX_DEPTH, MAX_FIELDS, MAX_TOKENS, tooCostly } from './limits.js';
import { hint, Problems } from './problems.js';

export interface Operation {
  readonly definition: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
}

export function readDocument(text: string, operationName: string | undefined): Operation {
  try {
    return operationOf(new Source(text, 'query'), operationName);
  } catch (error) {
    if (error instanceof GraphQLError) throw syntaxError(error);
    throw error;
  }
}

function operationOf(source: Source, operationName: string | undefined): Operation {
  refuseHuge(source);
  const operations: OperationDefinitionNode[] = [];
  const fragments = new Map<string, FragmentDefinitionNode>();
  const problems = new Problems();
  for (const definition of parse(source).definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition);
    else if (definition.kind !== Kind.FRAGMENT_DEFINITION) {
      problems.add(definition, 'a document to execute holds operations and fragments alone.');
    } else if (fragments.has(definition.name.value)) {
      problems.add(definition, `there are two fragments named ${definition.name.value}.`);
    } else fragments.set(definition.name.value, definition);
  }
  problems.throwIfAny();
  const definition = chosen(operations, operationName);
  if (definition.operation !== 'query') {
    const issue = 'is not supported here: read with a query, and write with the interactions of FHIR REST.';
    problems.add(definition, `a ${definition.operation} ${issue}`, 'not-supported');
    problems.throwIfAny();
  }
  refuseLarge(definition.selectionSet, fragments);
  return { definition, fragments };
}

function chosen(
  operations: readonly OperationDefinitionNode[],
  wanted: string | undefined,
): OperationDefinitionNode {
  const named = wanted === undefined ? operations : operations.filter(({ name }) => name?.value === wanted);
  const [only, another] = named;
  if (only !== undefined && another === undefined) return only;
  const text =
    operations.length === 0
      ? 'The document has no operation: write a query, { … }.'
      : wanted === undefined
        ? 'The document has several operations: name the one to execute by operationName.'
        : 'The document has not one operation of the name that operationName gives.';
  throw new Refusal('malformed-request', text);
}

/** Before the parser, which recurses. */
function refuseHuge(source: Source): void {
  const lexer = new Lexer(source);
  let open = 0;
  let tokens = 0;
  for (let token = lexer.advance(); token.kind !== TokenKind.EOF; token = lexer.advance()) {
    if (++tokens > MAX_TOKENS) throw tooCostly(`has more than ${MAX_TOKENS} tokens: send it in parts`);
    if (OPENING.has(token.kind)) open++;
    else if (CLOSING.has(token.kind)) open--;
    if (open > MAX_BRACKETS) throw tooCostly(`has brackets deeper than ${MAX_BRACKETS} levels`);
  }
}

const OPENING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L]);
const CLOSING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R]);

interface Extent {
  readonly fields: number;
  readonly depth: number;
}

/** Each fragment is measured once, so that what would grow without end costs nothing to find out. */
function refuseLarge(
  operation: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): void {
  const problems = new Problems();
  const known = new Map<string, Extent>();
  const under: string[] = [];

  const ofFragment = (
    node: SelectionSetNode['selections'][number] & { kind: Kind.FRAGMENT_SPREAD },
  ): Extent => {
    const name = node.name.value;
    const measured = known.get(name);
    if (measured !== undefined) return measured;
    const fragment = fragments.get(name);
    if (fragment === undefined) {
      const near = hint(nearest(name, fragments.keys()), 'define it in the same document.');
      problems.add(node, `there is no fragment ${name}: ${near}`);
      return NOTHING;
    }
    if (under.includes(name)) {
      problems.add(node, `the fragment ${name} leads back to itself.`);
      return NOTHING;
    }
    under.push(name);
    const extent = ofSet(fragment.selectionSet);
    under.pop();
    known.set(name, extent);
    return extent;
  };

  const ofSet = ({ selections }: SelectionSetNode): Extent => {
    let fields = 0;
    let depth = 0;
    for (const selection of selections) {
      const below =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? ofFragment(selection)
          : selection.selectionSet === undefined
            ? NOTHING
            : ofSet(selection.selectionSet);
      const own = selection.kind === Kind.FIELD ? 1 : 0;
      fields += own + below.fields;
      depth = Math.max(depth, own + below.depth);
    }
    return { fields, depth };
  };

  const { fields, depth } = ofSet(operation);
  problems.throwIfAny();
  if (fields > MAX_FIELDS) throw tooCostly(`has more than ${MAX_FIELDS} fields, with its fragments in place`);
  if (depth > MAX_DEPTH) throw tooCostly(`is deeper than ${MAX_DEPTH} fields`);
}

const NOTHING: Extent = { fields: 0, depth: 0 };

/** Values in the text are the client's, perhaps a patient's: only their kind is told. */
function syntaxError({ message, locations }: GraphQLError): Refusal {
  const [{ line, column } = { line: 1, column: 1 }] = locations ?? [];
  const problem = message.replace(/^Syntax Error: /, '').replace(/\b(String|BlockString) ".*"/s, 'a string');
  return new Refusal(
    'malformed-request',
    `The query is no GraphQL: line ${line}, column ${column}: ${problem}`,
  );
}

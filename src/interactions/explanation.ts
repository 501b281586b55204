/**
 * `_explain=true`: instead of what a search finds, how it is executed, as a Parameters resource.
 * https://hl7.org/fhir/R4/parameters.html
 *
 *   query       per type: the criteria as text, and as a tree of parts
 *   plan        per type: the index chosen, those that were there to choose, what each row is tested for, SQLite's words
 *   execution   where the search ran, how long it took, how many matches its page has
 *
 * Invariant: tells nothing of any resource but numbers; values are those of the query.
 */
import type { JsonObject, JsonValue } from '../fhir/format/json.js';
import { serialise } from '../fhir/format/serialise.js';
import { Refusal } from '../fhir/outcome.js';
import type { ParsedSearch } from '../fhir/search/parse-search.js';
import type { Predicate, QueryPart, SortKey } from '../fhir/search/query.js';
import { predicateText, testText } from '../fhir/search/query-text.js';
import type { PartExplanation, SearchExplanation, SearchRequest, WayExplanation } from '../ports/backend.js';
import type { Context } from './context.js';
import type { FhirResponse } from './response.js';

type Parameter = JsonObject & { readonly name: string };

/** Refused where the server is not set to explain, and to whoever may not see all. */
export async function explain(
  { query }: ParsedSearch,
  request: SearchRequest,
  context: Context,
): Promise<FhirResponse> {
  if (!context.settings.explain) {
    throw new Refusal(
      'invalid-parameter',
      'The search parameter _explain is not served here: the operator can allow it by FAIRWAY_SEARCH_EXPLAIN=on.',
    );
  }
  const explanation = await context.backend.explain(request);
  const resource: JsonObject = {
    resourceType: 'Parameters',
    parameter: [
      ...query.parts.slice(0, explanation.parts.length).map(queryParameter),
      group('sort', ...(query.sort.length === 0 ? [text('key', 'natural order')] : query.sort.map(sortKey))),
      ...explanation.parts.map(planParameter),
      ...(explanation.unexplained > 0 ? [number('typesLeftOut', explanation.unexplained)] : []),
      executionParameter(explanation),
    ],
  };
  return { status: 200, headers: {}, body: [Buffer.from(serialise(resource))] };
}

function queryParameter({ type, where }: QueryPart): Parameter {
  return group('query', text('type', type), text('text', predicateText(where)), tree(where));
}

/** Inner nodes have parts, leaves a text. */
function tree(predicate: Predicate): Parameter {
  switch (predicate.op) {
    case 'and':
    case 'or':
      return group(predicate.op, ...predicate.of.map(tree));
    case 'not':
      return group('not', tree(predicate.of));
    case 'chain':
      return group('chain', text('param', predicate.param), ...predicate.targets.map(end));
    case 'has':
      return group('has', text('param', predicate.param), end(predicate.source));
    case 'value':
      return group(
        'value',
        text('param', predicate.param),
        text('kind', predicate.test.kind),
        text('test', testText(predicate.test)),
      );
    default:
      return text(predicate.op, predicateText(predicate));
  }
}

function end({ type, where }: QueryPart): Parameter {
  return group('resource', text('type', type), tree(where));
}

function sortKey({ param, descending }: SortKey): Parameter {
  return text('key', `${param} ${descending ? 'descending' : 'ascending'}`);
}

function planParameter({ type, possible, chosen, ways, tested, engine }: PartExplanation): Parameter {
  return group(
    'plan',
    text('type', type),
    ...(possible ? [] : [text('note', 'nothing of this type can match: no index is read')]),
    ...(chosen === undefined ? [] : [text('index', chosen.index), flag('inOrder', chosen.sorted)]),
    ...ways.map(wayParameter),
    ...tested.map((predicate) => text('tested', predicateText(predicate))),
    ...engine.map((line) => text('engine', line)),
  );
}

function wayParameter({ criterion, index, counted }: WayExplanation): Parameter {
  return group(
    'candidate',
    text('criterion', predicateText(criterion)),
    text('index', index),
    ...(counted === undefined ? [] : [text('rows', `${counted.more ? 'at least ' : ''}${counted.rows}`)]),
  );
}

function executionParameter({ execution }: SearchExplanation): Parameter {
  const { place, milliseconds, matches } = execution;
  return group(
    'execution',
    text('place', place === 'bounded' ? 'main thread, within its limits' : 'reader process'),
    { name: 'milliseconds', valueDecimal: Math.round(milliseconds * 100) / 100 },
    matches === undefined ? text('note', 'stopped at the time limit') : number('matches', matches),
  );
}

/** A part must have a value or parts of its own: https://hl7.org/fhir/R4/parameters.html, inv-1. */
function group(name: string, ...part: readonly Parameter[]): Parameter {
  return { name, part: [...part] satisfies JsonValue };
}

function text(name: string, value: string): Parameter {
  return { name, valueString: value };
}

function number(name: string, value: number): Parameter {
  return { name, valueInteger: value };
}

function flag(name: string, value: boolean): Parameter {
  return { name, valueBoolean: value };
}

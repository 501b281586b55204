/**
 * The search parameter of a name on a resource type, or why it is none.
 * https://hl7.org/fhir/R4/searchparameter-registry.html
 */
import type { IndexingProgress, SearchParameter } from '../../definitions/definitions.js';
import { nearest } from '../nearest.js';
import { malformed, Problem } from './problem.js';
import type { Reading } from './reading.js';

/** Specified, with values of no common type: some are served as filters of their own, none can sort or be chained. */
const WITHOUT_VALUES: ReadonlySet<string> = new Set(['_text', '_content', '_filter', '_list', '_query']);

export function parameterOf(type: string, code: string, { definitions }: Reading): SearchParameter | Problem {
  if (code === '_has') return malformed('needs the form _has:Type:reference:parameter');
  const parameters = definitions.searchParameters.get(type);
  const parameter = parameters?.get(code);
  if (WITHOUT_VALUES.has(code)) return new Problem('unsupported', 'is not supported here');
  if (parameter?.custom?.indexing !== undefined) return beingIndexed(type, parameter.custom.indexing);
  if (parameter?.type === 'composite' || parameter?.expression !== undefined) return parameter;
  if (parameter !== undefined) return new Problem('unsupported', 'is not supported here');
  const near = nearest(code, parameters?.keys() ?? []);
  const hint = near.length === 0 ? '/metadata lists those there are' : `did you mean ${near.join(', ')}?`;
  return new Problem('unknown', `is not known on ${type}: ${hint}`);
}

function beingIndexed(type: string, { done, total }: IndexingProgress): Problem {
  const progress = total === 0 ? 'it is about to begin' : `${done} of ${total} ${type} resources are done`;
  return new Problem('indexing', `is new and still being indexed: ${progress}. Search by it when all are.`);
}

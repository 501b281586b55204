/**
 * The parameters of $export, of the query of a GET or the Parameters of a POST.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#query-parameters
 *
 * Invariant: all problems at once; what is not known is refused, or left aside under lenient handling.
 */
import { isObject } from '../../fhir/format/json.js';
import { type Issue, Refusal } from '../../fhir/outcome.js';
import { parseReference } from '../../fhir/reference.js';
import { malformed } from '../../fhir/search/parameters/problem.js';
import { typesInScope } from '../../fhir/search/parameters/types.js';
import type { Context } from '../context.js';
import {
  type Given,
  INSTANT,
  noted,
  type Parameter,
  RESOURCE_TYPES,
  readParameters,
  refuse,
  textual,
} from '../operation-parameters.js';
import type { OperationTarget } from '../target.js';

export interface ExportWishes {
  /** As named by `_type`; absent: all. */
  readonly types?: readonly string[];
  readonly typeFilters: readonly string[];
  /** Milliseconds. */
  readonly since?: number;
  readonly until?: number;
  readonly elements: readonly string[];
  /** Ids. */
  readonly patients: readonly string[];
  readonly associated?: 'all' | 'latest';
  readonly organizedBy?: 'Patient';
}

/** A plus that was not percent-encoded arrives as a blank. */
const FORMATS: ReadonlySet<string> = new Set([
  'application/fhir+ndjson',
  'application/fhir ndjson',
  'application/ndjson',
  'ndjson',
]);

const OUTPUT_FORMAT: Parameter<string> = textual((text) =>
  FORMATS.has(text.toLowerCase())
    ? text
    : malformed('must be application/fhir+ndjson, application/ndjson or ndjson: files have no other form'),
);

const PAST_INSTANT: Parameter<number> = {
  read: (given, context) => {
    const instant = INSTANT.read(given, context);
    if (typeof instant !== 'number') return instant;
    return instant > context.clock.now() ? malformed('lies in the future') : instant;
  },
};

const ELEMENT = /^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*(\[x\])?$/;

const ELEMENTS: Parameter<readonly string[]> = {
  ...textual((text) => {
    const elements = text.split(',').map((one) => one.trim());
    return elements.every((one) => ELEMENT.test(one))
      ? elements
      : malformed('takes names of elements, such as Patient.name or name, joined by commas');
  }),
  repeats: true,
};

const PATIENTS: Parameter<readonly string[]> = {
  read: ({ value }, { baseUrl }) => {
    const text = isObject(value) ? value.reference : value;
    const ids = typeof text !== 'string' ? [] : text.split(',').map((one) => patientId(one.trim(), baseUrl));
    return ids.length > 0 && ids.every((id) => id !== undefined)
      ? (ids as readonly string[]) // just checked
      : malformed('takes references to patients of this server, such as Patient/123');
  },
  repeats: true,
};

function patientId(text: string, baseUrl: string): string | undefined {
  const reference = parseReference(text, baseUrl);
  return reference.kind === 'local' && reference.type === 'Patient' ? reference.id : undefined;
}

const ASSOCIATED: Readonly<Record<string, 'all' | 'latest'>> = {
  LatestProvenanceResources: 'latest',
  RelevantProvenanceResources: 'all',
};

const ASSOCIATED_DATA: Parameter<readonly string[]> = {
  ...textual((text) => {
    const names = text.split(',').map((one) => one.trim());
    return names.every((one) => Object.hasOwn(ASSOCIATED, one))
      ? names
      : malformed(`takes ${Object.keys(ASSOCIATED).join(' or ')}`);
  }),
  repeats: true,
};

const FILTERS: Parameter<string> = { ...textual((text) => text), repeats: true };

const ORGANIZED: Parameter<'Patient'> = textual((text) =>
  text === 'Patient' ? 'Patient' : malformed('can be Patient: output is organized by no other type'),
);

const BOOLEAN: Parameter<boolean> = textual((text) =>
  text === 'true' || text === 'false' ? text === 'true' : malformed('must be true or false'),
);

const PARAMETERS = {
  _outputFormat: OUTPUT_FORMAT,
  _since: PAST_INSTANT,
  _until: INSTANT,
  _type: RESOURCE_TYPES,
  _typeFilter: FILTERS,
  _elements: ELEMENTS,
  patient: PATIENTS,
  includeAssociatedData: ASSOCIATED_DATA,
  organizeOutputBy: ORGANIZED,
  /** A client that takes several manifests takes one. */
  allowPartialManifests: BOOLEAN,
};

/** Throws a Refusal with all problems. */
export function readWishes(
  given: readonly Given[],
  target: OperationTarget,
  isLenient: boolean,
  context: Context,
): ExportWishes {
  const issues: Issue[] = [];
  const known = isLenient ? given.filter(({ name }) => Object.hasOwn(PARAMETERS, name)) : given;
  const values = noted(issues, () => readParameters('export', PARAMETERS, known, context));
  if (values === undefined) throw new Refusal(kindOf(issues), issues);
  const [since] = values._since;
  const [until] = values._until;
  const [organizedBy] = values.organizeOutputBy;
  const patients = [...new Set(values.patient.flat())];
  const named = [...new Set(values._type.flat())];
  const types = isLenient ? named.filter((type) => isAtLevel(type, target, context)) : named;
  const problem = (text: string): void => {
    issues.push({ severity: 'error', code: 'invalid', text });
  };
  if (since !== undefined && until !== undefined && since >= until) {
    problem('The parameter _since is not before _until: nothing is between them.');
  }
  if (target.type === undefined && patients.length > 0) {
    problem('The parameter patient is for exports of Patient and Group: a system export takes none.');
  }
  if (target.type === undefined && organizedBy !== undefined) {
    problem(
      'The parameter organizeOutputBy is for exports of Patient and Group: a system has no one patient.',
    );
  }
  if (organizedBy !== undefined && values.includeAssociatedData.length > 0) {
    problem('The parameters organizeOutputBy and includeAssociatedData do not go together.');
  }
  if (organizedBy !== undefined && since !== undefined) {
    problem('The parameters organizeOutputBy and _since do not go together: deletions belong to no record.');
  }
  for (const type of types) {
    if (!isAtLevel(type, target, context)) {
      problem(
        `The parameter _type names ${type}, which belongs to no patient: export it at the level of the system.`,
      );
    }
  }
  if (named.length > 0 && types.length === 0)
    problem('The parameter _type names no type that is exported here.');
  refuse(issues);
  const associated = values.includeAssociatedData.flat().map((name) => ASSOCIATED[name]);
  const widest = associated.includes('all') ? 'all' : associated[0];
  return {
    ...(named.length === 0 ? {} : { types }),
    typeFilters: values._typeFilter,
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    elements: values._elements.flat(),
    patients,
    ...(widest === undefined ? {} : { associated: widest }),
    ...(organizedBy === undefined ? {} : { organizedBy }),
  };
}

function isAtLevel(type: string, target: OperationTarget, { knowledge }: Context): boolean {
  if (target.type === undefined) return true;
  return typesInScope({ compartment: { name: 'Patient', id: '' } }, knowledge.definitions).includes(type);
}

function kindOf(issues: readonly Issue[]): 'unknown-parameter' | 'invalid-parameter' {
  return issues.every(({ code }) => code === 'not-supported') ? 'unknown-parameter' : 'invalid-parameter';
}

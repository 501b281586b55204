/**
 * SearchParameters → one entry per base type, with the part of the expression that concerns it.
 * https://hl7.org/fhir/R4/searchparameter.html
 *
 * Invariant: parameters of Resource and DomainResource stay under those names; loading hands them down.
 */
import type { CodeSet } from './compile-code-sets.js';
import type { SearchParameter, SearchParameterType } from './definitions.js';
import { elementYield, type TypesByName, type Yield } from './element-types.js';

export interface SearchParameterResource {
  readonly resourceType: 'SearchParameter';
  readonly id: string;
  readonly url: string;
  readonly code: string;
  /** Some published drafts have none, and no expression either. */
  readonly base?: readonly string[];
  readonly type: SearchParameterType;
  readonly description?: string;
  readonly expression?: string;
  readonly target?: readonly string[];
  readonly component?: readonly { readonly definition: string; readonly expression: string }[];
}

/** Mistakes in the published parameters: url → what to replace in expressions, and why. */
const CORRECTIONS: Readonly<Record<string, readonly (readonly [from: string, to: string])[]>> = {
  // `DateTime` is no type: the data type's name is in lower case.
  'http://hl7.org/fhir/SearchParameter/Observation-code-value-date': [['DateTime', 'dateTime']],
  // The extension is called as its StructureDefinition is, not as the parameter.
  'http://hl7.org/fhir/SearchParameter/patient-extensions-Patient-mothersMaidenName': [
    ['patient-extensions-Patient-mothersMaidenName', 'patient-mothersMaidenName'],
  ],
};

/** Composites whose two components carry each other's expressions. */
const SWAPPED = new Set(['http://hl7.org/fhir/SearchParameter/DocumentReference-relationship']);

/** Illustrations of how a parameter is written, not parameters of the standard. */
const EXAMPLES = /\/example(-[a-z]+)?$/;

export interface Vocabulary {
  readonly types: TypesByName;
  readonly codeSets: ReadonlyMap<string, CodeSet>;
}

export function compileSearchParameters(
  published: readonly SearchParameterResource[],
  vocabulary: Vocabulary,
): Readonly<Record<string, readonly SearchParameter[]>> {
  const standard = published.filter(({ url, code, expression }) => {
    // What has no expression can be searched only if the server knows it by name (_text, _filter …).
    return !EXAMPLES.test(url) && (expression !== undefined || code.startsWith('_'));
  });
  const byUrl = new Map(standard.map((parameter) => [parameter.url, parameter]));
  const result: Record<string, SearchParameter[]> = {};
  for (const parameter of standard) {
    for (const base of parameter.base ?? []) {
      result[base] ??= [];
      result[base].push(compileOne(parameter, base, byUrl, vocabulary));
    }
  }
  return result;
}

function compileOne(
  parameter: SearchParameterResource,
  base: string,
  byUrl: ReadonlyMap<string, SearchParameterResource>,
  vocabulary: Vocabulary,
): SearchParameter {
  const members = unionMembers(corrected(parameter, parameter.expression ?? ''))
    .map((member) => rooted(member, base))
    .filter((member) => concerns(member, base));
  const yields = members.map((member) => elementYield(member, vocabulary.types));
  const elementTypes = [...new Set(yields.flatMap(({ types }) => types))];
  const systems = elementTypes.every((type) => type === 'code')
    ? impliedSystems(yields, vocabulary)
    : undefined;
  return {
    code: parameter.code,
    url: parameter.url,
    type: parameter.type,
    ...(members.length === 0 ? {} : { expression: members.join(' | ') }),
    elementTypes,
    targets: parameter.type === 'reference' ? targetsOf(parameter, yields) : [],
    ...(parameter.component === undefined ? {} : { components: componentsOf(parameter, byUrl) }),
    repeats: yields.some(({ repeats }) => repeats) || new Set(members.map(withoutCast)).size > 1,
    ...(systems === undefined ? {} : { impliedSystems: systems }),
    ...(parameter.description === undefined ? {} : { description: describe(parameter.description, base) }),
  };
}

function corrected(parameter: SearchParameterResource, expression: string): string {
  const corrections = CORRECTIONS[parameter.url] ?? [];
  return corrections.reduce((text, [from, to]) => text.replaceAll(from, to), expression);
}

/** Splits at the bars that stand in no brackets and no quotes. */
export function unionMembers(expression: string): readonly string[] {
  const members: string[] = [];
  let [depth, quoted, start] = [0, false, 0];
  for (let index = 0; index < expression.length; index++) {
    const character = expression[index];
    if (character === "'") quoted = !quoted;
    if (quoted) continue;
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (character !== '|' || depth > 0) continue;
    members.push(expression.slice(start, index).trim());
    start = index + 1;
  }
  members.push(expression.slice(start).trim());
  return members.filter((member) => member !== '');
}

/** `Condition.onset.as(Period)` and `(Condition.onset as Age)` are the same element, of which there is one. */
function withoutCast(member: string): string {
  return member.replace(/^\(|\)$/g, '').replace(/( as |\.as\(|\.ofType\()[A-Za-z]+\)?$/, '');
}

/** `name | alias` of one parameter are paths from the resource: all others begin with a type. */
function rooted(member: string, base: string): string {
  return /^[a-z]/.test(member) ? `${base}.${member}` : member;
}

function concerns(member: string, base: string): boolean {
  return /^\(*([A-Za-z]+)/.exec(member)?.[1] === base;
}

function targetsOf(parameter: SearchParameterResource, yields: readonly Yield[]): readonly string[] {
  const declared = (parameter.target ?? []).filter((target) => target !== 'Resource');
  const walked = yields.map(({ targets }) => targets);
  if (walked.length === 0 || walked.includes(null)) return declared;
  const allowed = new Set(walked.flatMap((targets) => targets ?? []));
  const both = declared.filter((target) => allowed.has(target));
  return both.length > 0 ? both : [...allowed];
}

function componentsOf(
  parameter: SearchParameterResource,
  byUrl: ReadonlyMap<string, SearchParameterResource>,
): NonNullable<SearchParameter['components']> {
  const components = parameter.component ?? [];
  const expressions = components.map(({ expression }) => expression);
  if (SWAPPED.has(parameter.url)) expressions.reverse();
  return components.flatMap(({ definition }, at) => {
    const ruled = byUrl.get(definition);
    const expression = expressions[at] ?? '';
    return ruled === undefined
      ? []
      : [{ code: ruled.code, type: ruled.type, expression: corrected(parameter, expression) }];
  });
}

function impliedSystems(yields: readonly Yield[], { codeSets }: Vocabulary): readonly string[] | undefined {
  const systems = yields.flatMap(({ binding }) =>
    binding === null ? [] : (codeSets.get(binding)?.systems ?? []),
  );
  return systems.length === 0 ? undefined : [...new Set(systems)];
}

/** Shared parameters describe each base in a list: `* [Condition](condition.html): Who has it`. */
function describe(description: string, base: string): string {
  const own = new RegExp(`\\[${base}\\]\\([^)]*\\): ([^\\r\\n]*)`).exec(description)?.[1];
  return (own ?? description).trim();
}

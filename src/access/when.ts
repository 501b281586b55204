/**
 * Conditions of rules (`when`): FHIRPath on who asks, compiled once when the server starts (src/decisions/017).
 * http://hl7.org/fhirpath/N1/
 *
 *   context      the resource that stands for the person; nothing for clients that act for themselves
 *   %roles       the person's active PractitionerRoles        %client   the id of the client
 *   %careTeams   the active CareTeams that the person is in   %scopes   the scopes of resources, each as it was granted
 *
 * The library is loaded where some rule has a condition, and nowhere else.
 *
 * Invariants
 * - Only what ends soon is evaluated: functions are listed; none of them fetches, recurs without bound or matches patterns.
 * - A condition is met by the one value true. Anything else, and a failure, is not that.
 */
import { type Policies, rulesOf } from './policies.js';

/** What conditions are evaluated on. Lists that could not be read are not here: who needs them is not evaluated. */
export interface WhoAsks {
  /** Plain JSON, as all resources here; the library writes into it, so that it is used once. */
  readonly own: object | undefined;
  readonly roles: readonly object[];
  readonly careTeams: readonly object[];
  readonly client: string;
  readonly scopes: readonly string[];
}

export interface Condition {
  /** Names of the variables that it asks for, without `%`. */
  readonly variables: ReadonlySet<string>;
  /** Throws whatever the library throws. */
  holds(who: WhoAsks): boolean;
}

/** By the text of the expression. */
export type Conditions = ReadonlyMap<string, Condition>;

export interface ConditionProblem {
  /** `access.roles.nurse.rules[0].when`. */
  readonly place: string;
  readonly problem: string;
}

const LONGEST = 2_000;
const VARIABLES: ReadonlySet<string> = new Set([
  ...['roles', 'careTeams', 'client', 'scopes'],
  ...['context', 'resource', 'sct', 'loinc', 'ucum'],
]);
const FUNCTIONS: ReadonlySet<string> = new Set([
  ...['empty', 'exists', 'all', 'allTrue', 'anyTrue', 'allFalse', 'anyFalse', 'subsetOf', 'supersetOf'],
  ...['count', 'distinct', 'isDistinct', 'where', 'select', 'ofType', 'is', 'as', 'not', 'iif', 'extension'],
  ...['single', 'first', 'last', 'tail', 'skip', 'take', 'intersect', 'exclude', 'union', 'combine'],
  ...['toString', 'toInteger', 'toBoolean', 'toDate', 'toDateTime', 'hasValue', 'now', 'today'],
  ...['indexOf', 'substring', 'startsWith', 'endsWith', 'contains', 'upper', 'lower', 'length', 'trim'],
]);

/** All conditions of the policies, or all that is wrong with them. */
export async function readConditions(
  policies: Policies,
): Promise<Conditions | { readonly problems: readonly ConditionProblem[] }> {
  const written = rulesOf(policies).flatMap(({ place, rule: { when } }) =>
    when === undefined ? [] : [{ place: `${place}.when`, when }],
  );
  if (written.length === 0) return new Map();
  const library = await loaded();
  const problems: ConditionProblem[] = [];
  const conditions = new Map<string, Condition>();
  for (const { place, when } of written) {
    const read = conditionOf(when, library);
    if ('problem' in read) problems.push({ place, problem: read.problem });
    else conditions.set(when, read);
  }
  return problems.length > 0 ? { problems } : conditions;
}

type Library = Awaited<ReturnType<typeof loaded>>;

async function loaded() {
  const [{ default: fhirpath }, { default: model }] = await Promise.all([
    import('fhirpath'),
    import('fhirpath/fhir-context/r4'),
  ]);
  return { fhirpath, model };
}

function conditionOf(when: string, { fhirpath, model }: Library): Condition | { readonly problem: string } {
  if (when.length > LONGEST) return { problem: `it is longer than ${LONGEST} characters` };
  try {
    const { functions, variables } = namesIn(fhirpath.parse(when));
    const strange = [
      ...functions.filter((name) => !FUNCTIONS.has(name)).map((name) => `the function ${name}()`),
      ...variables.filter((name) => !VARIABLES.has(name)).map((name) => `the variable %${name}`),
    ];
    if (strange.length > 0) return { problem: `conditions do not have ${strange.join(', ')}` };
    const evaluate = fhirpath.compile(when, model, { async: false });
    return {
      variables: new Set(variables),
      holds: ({ own, ...variables }) => {
        const found: readonly unknown[] = evaluate(own ?? {}, variables);
        return found.length === 1 && found[0] === true;
      },
    };
  } catch (error) {
    return { problem: `it is no FHIRPath: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** A node of the library's syntax tree, as far as it is looked at. */
interface SyntaxNode {
  readonly type?: string;
  readonly text?: string;
  readonly delimitedText?: string;
  readonly children?: readonly SyntaxNode[];
}

function namesIn(tree: SyntaxNode): {
  readonly functions: readonly string[];
  readonly variables: readonly string[];
} {
  const functions: string[] = [];
  const variables: string[] = [];
  const walk = ({ type, text, delimitedText, children = [] }: SyntaxNode): void => {
    if (type === 'FunctionInvocation') functions.push(text ?? '?');
    if (type === 'ExternalConstantTerm') variables.push(text ?? delimitedText ?? '?');
    for (const child of children) walk(child);
  };
  walk(tree);
  return { functions, variables };
}

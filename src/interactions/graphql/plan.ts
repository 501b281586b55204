/**
 * A query, understood: for every place in it what is to be taken from where, and how it is to stand in the answer.
 *
 * Invariant: a plan is complete; nothing of the document or of its variables is looked at once it is made.
 */
import type { JsonObject, JsonValue } from '../../fhir/format/json.js';
import type { Judge, Slice } from './fhirpath.js';
import type { SearchPlan } from './search-plan.js';

/** What is selected of one object, in the order of the document. */
export interface Plan {
  readonly fields: readonly PlannedField[];
}

/** The plan for an object, by what it is: a resource says so itself. */
export type PlanOf = (object: JsonObject) => Plan;

export interface Shape {
  /** The name in the answer. */
  readonly key: string;
  /** Its children stand in its place. */
  readonly flatten: boolean;
  readonly first: boolean;
  readonly singleton: boolean;
  readonly slice?: Slice;
  /** As GraphQL names it: what stands under one name has one type. */
  readonly type: string;
  /** As the definitions name it, for FHIRPath; `Resource`: each value says its own. */
  readonly source: string;
}

export type PlannedField = Shape &
  (
    | { readonly kind: 'typename' }
    | { readonly kind: 'leaf'; readonly property: string; readonly list: boolean }
    | {
        readonly kind: 'object';
        readonly property: string;
        readonly list: boolean;
        /** Absent: all. */
        readonly pick?: Pick;
        readonly below: PlanOf;
      }
    | {
        readonly kind: 'resolve';
        readonly optional: boolean;
        /** Resources of other types are passed over. */
        readonly only?: ReadonlySet<string>;
        readonly below: PlanOf;
      }
    | { readonly kind: 'read'; readonly id: string; readonly below: PlanOf }
    | { readonly kind: 'list' | 'connection'; readonly search: SearchPlan; readonly below: PlanOf }
  );

/** Which of an element's objects are taken: judged first, then counted. */
export interface Pick {
  readonly matches: readonly Match[];
  readonly judge?: Judge;
  readonly offset: number;
  readonly count: number;
}

/** The member has one of the values. */
export interface Match {
  readonly property: string;
  readonly values: readonly JsonValue[];
}

/**
 * What every interaction is given. Made per request from the tenant's parts; nothing here is global.
 *
 * Invariant: `access` was decided before the context existed.
 */
import type { Clock } from '../base/clock.js';
import type { NewId } from '../base/ids.js';
import type { Logger } from '../base/log.js';
import type { ResourceObject } from '../fhir/format/json.js';
import type { Issue } from '../fhir/outcome.js';
import type { AccessDecision } from '../ports/access-filter.js';
import type { Backend } from '../ports/backend.js';
import type { Blobs } from '../ports/blobs.js';
import type { CurrentDefinitions } from '../ports/current-definitions.js';
import type { JobStore } from '../ports/jobs.js';
import type { Sealer } from '../ports/sealer.js';
import type { Terminology } from '../ports/terminology.js';
import type { Auditing } from './audit/auditing.js';
import type { Trail } from './audit/trail.js';

export interface Context extends TenantParts {
  readonly access: AccessDecision;
  readonly requestId: string;
  /** Wall-clock time (clock.now() milliseconds) by which the answer must be out. */
  readonly deadline: number;
  /** What the audit log is told of this request; it is the `backend` too. Absent: nothing is told. */
  readonly audit?: Trail | undefined;
}

/** One per tenant, made by main.ts. */
export interface TenantParts {
  readonly tenant: string;
  /** Absolute, without a slash at the end: `http://localhost:8080/fhir`. */
  readonly baseUrl: string;
  readonly backend: Backend;
  readonly sealer: Sealer;
  /** Of a tenant: the newest whenever it is asked for. Of a request: what held when it came. */
  readonly knowledge: Knowledge;
  readonly terminology: Terminology;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Logger;
  readonly settings: InteractionSettings;
  readonly jobs: Jobs;
  /** Absent: there is no audit. */
  readonly auditing?: Auditing | undefined;
}

/** Long work: requests begin it and ask after it; who does it is no matter of theirs. */
export interface Jobs {
  readonly store: JobStore;
  /** Where its files are, below `jobs/ID/`. */
  readonly blobs: Blobs;
  /** There is work. */
  wake(): void;
}

/** The definitions and what was compiled from them. A value that never changes: a new SearchParameter makes another. */
export interface Knowledge extends CurrentDefinitions {
  /** All structural issues; none = valid. `type` is the type that the place calls for. */
  validate(resource: ResourceObject): readonly Issue[];
  /** The newest: what is written is indexed by it, however long ago its request came. */
  latest(): Knowledge;
}

/** Where tokens are got, for the CapabilityStatement: absolute URLs. */
export interface SecurityEndpoints {
  /** Where people sign in; absent: they cannot. */
  readonly authorize?: string;
  readonly token: string;
  readonly introspect: string;
  readonly register: string;
  readonly revoke: string;
}

export interface InteractionSettings {
  readonly softwareVersion: string;
  /** Absent: open access. */
  readonly security?: SecurityEndpoints;
  /** Entries on a search or history page when `_count` is absent, and at most. */
  readonly defaultCount: number;
  readonly maxCount: number;
  /** Refuse references to local resources that do not exist. */
  readonly checkReferences: boolean;
  /** How long a search may take, milliseconds. */
  readonly searchTimeLimit: number;
  /** Searches may ask how they are executed (`_explain`). */
  readonly explain: boolean;
  /** Conditional delete of several matches: how many at most; 1 = refuse several. */
  readonly conditionalDeleteLimit: number;
  /** Jobs of a kind that a client may have running at once. */
  readonly jobsPerClient: number;
}

/** Fairway inside this process: the parts that main.ts puts together, without HTTP. */
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { openAccess } from '#src/access/open.js';
import { systemClock } from '#src/base/clock.js';
import { uuidV7 } from '#src/base/ids.js';
import { silentLogger } from '#src/base/log.js';
import { readDefinitions } from '#src/definitions-file.js';
import { makeIndexer } from '#src/fhir/search/indexer.js';
import { makeValidator } from '#src/fhir/validate/validator.js';
import { parseRequestTarget } from '#src/http/request-target.js';
import type { Context, Knowledge, TenantParts } from '#src/interactions/context.js';
import { newestKnowledge } from '#src/interactions/knowledge.js';
import type { FhirRequest } from '#src/interactions/request.js';
import type { FhirResponse } from '#src/interactions/response.js';
import { handle } from '#src/interactions/router.js';
import { loadedTerminology } from '#src/interactions/terminology/loaded-terminology.js';
import { folderBlobs } from '#src/stores/folder/folder-blobs.js';
import { openSqliteStore, type SqliteStore } from '#src/stores/sqlite/store.js';
import { lazyBaseTerminology } from '#src/terminology-file.js';

const BASE = 'http://localhost:8080/fhir';

export interface Inside {
  readonly store: SqliteStore;
  readonly parts: TenantParts;
  /** `GET` of a path below the FHIR base, query included. */
  get(pathAndQuery: string, searchTimeLimit?: number): Promise<FhirResponse>;
}

export function knowledge(): Pick<Knowledge, 'definitions' | 'validate' | 'index'> {
  const definitions = readDefinitions();
  return {
    definitions,
    validate: makeValidator(definitions),
    index: makeIndexer(definitions, { baseUrl: BASE }),
  };
}

export async function openInside(file: string): Promise<Inside> {
  const known = knowledge();
  const store = await openSqliteStore({
    file,
    clock: systemClock,
    log: silentLogger,
    definitions: known.definitions,
    makeIndexer: (definitions) => makeIndexer(definitions, { baseUrl: BASE }),
  });
  const parts: TenantParts = {
    tenant: 'default',
    baseUrl: BASE,
    backend: store.backend,
    sealer: store.sealer,
    knowledge: newestKnowledge(store.current, known.validate)(),
    terminology: loadedTerminology(store.backend, lazyBaseTerminology()),
    clock: systemClock,
    newId: uuidV7(systemClock, () => randomBytes(10)),
    log: silentLogger,
    settings: {
      softwareVersion: 'bench',
      defaultCount: 50,
      maxCount: 1000,
      checkReferences: false,
      searchTimeLimit: 30_000,
      explain: false,
      conditionalDeleteLimit: 1,
      jobsPerClient: 10,
    },
    jobs: { store: store.jobs, blobs: folderBlobs(dirname(file)), wake: () => undefined },
  };
  return {
    store,
    parts,
    get: async (pathAndQuery, searchTimeLimit) =>
      handle(
        getRequest(pathAndQuery),
        contextOf(
          searchTimeLimit === undefined
            ? parts
            : { ...parts, settings: { ...parts.settings, searchTimeLimit } },
        ),
      ),
  };
}

/** Property by property, as the server makes it: a spread is a twentieth of a search. */
export function contextOf(parts: TenantParts): Context {
  return {
    tenant: parts.tenant,
    baseUrl: parts.baseUrl,
    backend: parts.backend,
    sealer: parts.sealer,
    knowledge: parts.knowledge,
    terminology: parts.terminology,
    clock: parts.clock,
    newId: parts.newId,
    log: parts.log,
    settings: parts.settings,
    jobs: parts.jobs,
    access: openAccess('benchmark'),
    requestId: 'bench',
    deadline: Date.now() + 600_000,
  };
}

function getRequest(pathAndQuery: string): FhirRequest {
  const { path, query } = parseRequestTarget(`/${pathAndQuery}`, 0);
  return { method: 'GET', path, query, header: () => undefined };
}

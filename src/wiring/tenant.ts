/**
 * A tenant put together: the definitions and what is compiled from them, its store, and how it is spoken to.
 *
 * Invariant: the store lies in the data folder under its tenant's name; the default tenant's is `fairway.db`.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openAccess } from '../access/open.js';
import { endpointsOf } from '../authorization/discovery.js';
import { systemClock } from '../base/clock.js';
import { uuidV7 } from '../base/ids.js';
import type { Logger } from '../base/log.js';
import { type Config, issuerOf, publicUrl } from '../config.js';
import { readDefinitions } from '../definitions-file.js';
import { makeIndexer } from '../fhir/search/indexer.js';
import { makeValidator } from '../fhir/validate/validator.js';
import { basePathOf, DEFAULT_TENANT } from '../http/doors.js';
import { Auditing } from '../interactions/audit/auditing.js';
import type { Context, TenantParts } from '../interactions/context.js';
import { newestKnowledge } from '../interactions/knowledge.js';
import { loadedTerminology } from '../interactions/terminology/loaded-terminology.js';
import { openSqliteStore, type SqliteStore } from '../stores/sqlite/store.js';
import { lazyBaseTerminology } from '../terminology-file.js';
import { checkAccess } from './access-check.js';
import { makeFolder } from './data-folder.js';
import { openFiles } from './files.js';
import { SOFTWARE_VERSION } from './software-version.js';

export interface Tenant {
  readonly parts: TenantParts;
  readonly store: SqliteStore;
}

/** Opens the default tenant; makes its folder and its store where there is none. `wake`: who does jobs is told of work. */
export async function openTenant(
  config: Config,
  log: Logger,
  wake: () => void = () => undefined,
): Promise<Tenant> {
  const baseUrl = `${publicUrl(config)}${basePathOf(DEFAULT_TENANT)}`;
  const definitions = readDefinitions();
  checkAccess(config, definitions);
  makeFolder(config.dataDir);
  const store = await openSqliteStore({
    file: storeFile(config),
    clock: systemClock,
    log,
    definitions,
    site: baseUrl,
    makeIndexer: (known) => makeIndexer(known, { baseUrl }),
  });
  const knowledge = newestKnowledge(store.current, makeValidator(definitions));
  const parts: TenantParts = {
    tenant: DEFAULT_TENANT,
    baseUrl,
    backend: store.backend,
    sealer: store.sealer,
    get knowledge() {
      return knowledge();
    },
    terminology: loadedTerminology(store.backend, lazyBaseTerminology()),
    clock: systemClock,
    newId: uuidV7(systemClock, () => randomBytes(10)),
    log,
    settings: { ...interactionSettings(config), softwareVersion: SOFTWARE_VERSION },
    jobs: { store: store.jobs, blobs: await openFiles(config), wake },
  };
  return { parts: isAudited(config) ? audited(parts, store) : parts, store };
}

/** An operator's commands are not audited: whoever may run them may change the log. */
function isAudited({ audit, auth }: Config): boolean {
  return audit === 'on' || (audit === 'auto' && auth === 'smart');
}

function audited(parts: TenantParts, { audit }: SqliteStore): TenantParts {
  const auditing = new Auditing(parts, audit);
  return {
    ...parts,
    get knowledge() {
      return parts.knowledge;
    },
    auditing,
  };
}

export function storeFile({ dataDir }: Config): string {
  return join(dataDir, 'fairway.db');
}

function interactionSettings(config: Config): Omit<TenantParts['settings'], 'softwareVersion'> {
  const security = config.auth === 'smart' ? { security: endpointsOf(issuerOf(config)) } : {};
  const { defaultCount, maxCount, checkReferences, searchTimeLimit } = config;
  const { conditionalDeleteLimit, jobsPerClient } = config;
  const explain =
    config.searchExplain === 'on' || (config.searchExplain === 'auto' && config.auth === 'open');
  return {
    ...security,
    defaultCount,
    maxCount,
    checkReferences,
    searchTimeLimit,
    explain,
    conditionalDeleteLimit,
    jobsPerClient,
  };
}

/** For what the operator does, not a client. */
export function operatorContext(parts: TenantParts, reason: string): Context {
  return {
    ...parts,
    access: openAccess(reason),
    requestId: reason,
    deadline: Number.POSITIVE_INFINITY,
  };
}

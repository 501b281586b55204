/** The guarded fetcher as the settings want it. */
import { systemClock } from '../base/clock.js';
import type { Config } from '../config.js';
import { type Fetcher, GuardedFetcher } from '../net/fetcher.js';
import { hostList } from '../net/policy.js';

export function openFetcher(
  config: Pick<Config, 'fetchHosts' | 'fetchPrivateHosts' | 'fetchHttp' | 'fetchTimeLimit'>,
): Fetcher {
  return new GuardedFetcher({
    policy: {
      plainHttp: config.fetchHttp,
      hosts: hostList(config.fetchHosts),
      privateHosts: hostList(config.fetchPrivateHosts),
    },
    clock: systemClock,
    timeLimit: config.fetchTimeLimit,
    random: Math.random,
  });
}

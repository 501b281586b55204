/**
 * The guarded fetcher as the settings want it. With open access, which is for this machine alone, it reaches this machine
 * too, by http.
 */
import { systemClock } from '../base/clock.js';
import type { Config } from '../config.js';
import { type Fetcher, GuardedFetcher } from '../net/fetcher.js';
import { hostList } from '../net/policy.js';

const THIS_MACHINE = ['localhost', '127.0.0.1', '::1'];

export function openFetcher(
  config: Pick<Config, 'auth' | 'fetchHosts' | 'fetchPrivateHosts' | 'fetchHttp' | 'fetchTimeLimit'>,
): Fetcher {
  const isOpen = config.auth === 'open';
  return new GuardedFetcher({
    policy: {
      plainHttp: config.fetchHttp || isOpen,
      hosts: hostList(config.fetchHosts),
      privateHosts: [...hostList(config.fetchPrivateHosts), ...(isOpen ? THIS_MACHINE : [])],
    },
    clock: systemClock,
    timeLimit: config.fetchTimeLimit,
    random: Math.random,
  });
}

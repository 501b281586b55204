/**
 * What kind of network an IP address belongs to.
 * https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
 *
 * Invariant: only what is known to be public is called so. An IPv6 address that carries an IPv4 address (mapped, NAT64,
 * 6to4, Teredo) is never reached, whatever it carries: such forms serve to get around rules for IPv4.
 */
import { BlockList, isIP } from 'node:net';

/** `private`: of this machine or its own networks. `never`: nothing that could be fetched from. */
export type AddressKind = 'public' | 'private' | 'never';

type Range = readonly [network: string, prefix: number];

const PRIVATE_4: readonly Range[] = [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10], // shared by a carrier's customers
];
const NEVER_4: readonly Range[] = [
  ['0.0.0.0', 8],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
];
const PRIVATE_6: readonly Range[] = [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
];
/** Global unicast, and what is special inside it. */
const UNICAST_6: readonly Range[] = [['2000::', 3]];
const NEVER_6: readonly Range[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const LISTS = {
  private4: blockList(PRIVATE_4, 'ipv4'),
  never4: blockList(NEVER_4, 'ipv4'),
  private6: blockList(PRIVATE_6, 'ipv6'),
  unicast6: blockList(UNICAST_6, 'ipv6'),
  never6: blockList(NEVER_6, 'ipv6'),
} as const;

export function addressKind(address: string): AddressKind {
  const [bare = ''] = address.split('%', 1); // the zone of a link-local address
  switch (isIP(bare)) {
    case 4:
      if (LISTS.never4.check(bare, 'ipv4')) return 'never';
      return LISTS.private4.check(bare, 'ipv4') ? 'private' : 'public';
    case 6:
      if (LISTS.private6.check(bare, 'ipv6')) return 'private';
      return LISTS.unicast6.check(bare, 'ipv6') && !LISTS.never6.check(bare, 'ipv6') ? 'public' : 'never';
    default:
      return 'never';
  }
}

function blockList(ranges: readonly Range[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of ranges) list.addSubnet(network, prefix, family);
  return list;
}

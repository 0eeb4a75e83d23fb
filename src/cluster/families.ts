/** How many addresses of either family the cluster's Services, endpoints and known pods have. */
export class Families {
  ipv4 = 0;
  ipv6 = 0;

  /** Counts a list of addresses, or with -1 takes it off again. Names of endpoints that have no address don't count. */
  add(addresses: readonly string[], by: 1 | -1): void {
    for (const address of addresses) {
      if (address.includes(":")) this.ipv6 += by;
      else if (/^[\d.]+$/.test(address)) this.ipv4 += by;
    }
  }
}
